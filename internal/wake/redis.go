package wake

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/redis/go-redis/v9"
)

// maxRedisPayload keeps single messages short; Redis itself would take more.
const maxRedisPayload = 64 << 10

// NewRedis returns a bus that uses Redis pub/sub. It fails on a URL that cannot
// be parsed; it connects only when it runs. Run may be called once.
func NewRedis(redisURL string, opts Options) (*Remote, error) {
	opts.setDefaults()
	config, err := redis.ParseURL(redisURL)
	if err != nil {
		return nil, fmt.Errorf("wake: %w", err)
	}
	config.PoolSize = 2
	config.MaxRetries = -1 // the loops retry
	config.ContextTimeoutEnabled = true
	return newRemote(&redisLink{client: redis.NewClient(config), channel: opts.Channel}, opts, "redis"), nil
}

type redisLink struct {
	client  *redis.Client
	channel string
}

func (l *redisLink) limit() int { return maxRedisPayload }

func (l *redisLink) send(ctx context.Context, payloads []string) error {
	_, err := l.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, payload := range payloads {
			p.Publish(ctx, l.channel, payload)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("publishing: %w", err)
	}
	return nil
}

func (l *redisLink) close(context.Context) {
	_ = l.client.Close() // it is given up in any case
}

func (l *redisLink) listen(ctx context.Context, up func(), got func(string)) error {
	subscription := l.client.Subscribe(ctx, l.channel)
	// A blocked read does not look at ctx; closing ends it.
	stop := context.AfterFunc(ctx, func() { _ = subscription.Close() })
	defer func() {
		if stop() {
			_ = subscription.Close()
		}
	}()
	asked := false // a ping is unanswered
	for {
		event, err := subscription.ReceiveTimeout(ctx, checkInterval)
		var timeout net.Error
		switch {
		case err == nil:
			asked = false
		case errors.As(err, &timeout) && timeout.Timeout() && !asked:
			if err := subscription.Ping(ctx); err != nil {
				return fmt.Errorf("checking the connection: %w", err)
			}
			asked = true
			continue
		default:
			return fmt.Errorf("waiting: %w", err)
		}
		switch event := event.(type) {
		case *redis.Subscription:
			up()
		case *redis.Message:
			got(event.Payload)
		}
	}
}
