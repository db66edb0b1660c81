//go:build unix

package testenv

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// EnvRedisURL names the Redis server to test on. Its pub/sub has one name
// space for all, so tests take turns on it.
const EnvRedisURL = "STENT_TEST_REDIS_URL"

const (
	redisTurn    = "stent:testenv:turn"
	redisTurnTTL = 15 * time.Second
	redisPoll    = 100 * time.Millisecond
)

// Redis returns the URL of a Redis server that this test has to itself until
// it ends. On a server given by EnvRedisURL that means to wait for the other
// tests that use it: call it once a test.
func Redis(t testing.TB) string {
	t.Helper()
	if server := os.Getenv(EnvRedisURL); server != "" {
		shareRedis(t, server)
		return server
	}
	h, err := hold(t, BackendRedis)
	if err != nil {
		t.Fatalf("starting Redis: %v", err)
	}
	t.Cleanup(func() {
		if err := h.release(); err != nil {
			t.Errorf("stopping Redis: %v", err)
		}
	})
	covered(t, BackendRedis, h.Version)
	return h.URL
}

// shareRedis takes a turn on a server that other tests use too, and gives it
// back when the test ends, or 15 seconds after this process has died.
func shareRedis(t testing.TB, server string) {
	t.Helper()
	options, err := redis.ParseURL(server)
	if err != nil {
		t.Fatalf("reading the URL of Redis: %v", err)
	}
	client := redis.NewClient(options)
	ctx, cancel := context.WithCancel(context.Background())
	token := rand.Text()
	version, err := redisVersion(ctx, client)
	if err == nil {
		err = takeTurn(ctx, client, token)
	}
	if err != nil {
		cancel()
		t.Fatalf("taking a turn on Redis: %v", errors.Join(err, client.Close()))
	}
	covered(t, BackendRedis, version)
	renewed := make(chan error, 1)
	go func() { renewed <- renewTurn(ctx, client, token) }()
	t.Cleanup(func() {
		cancel()
		err := <-renewed
		if err == nil {
			err = client.Del(context.Background(), redisTurn).Err()
		}
		if err := errors.Join(err, client.Close()); err != nil {
			t.Errorf("giving the turn on Redis back: %v", err)
		}
	})
}

func takeTurn(ctx context.Context, client *redis.Client, token string) error {
	for {
		taken, err := client.SetNX(ctx, redisTurn, token, redisTurnTTL).Result()
		if err != nil || taken {
			return err
		}
		time.Sleep(redisPoll)
	}
}

// renewTurn keeps the turn until ctx ends.
func renewTurn(ctx context.Context, client *redis.Client, token string) error {
	tick := time.NewTicker(redisTurnTTL / 5)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		holder, err := client.GetEx(ctx, redisTurn, redisTurnTTL).Result()
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return fmt.Errorf("renewing the turn: %w", err)
		case holder != token:
			return errors.New("another test took the turn")
		}
	}
}

func redisVersion(ctx context.Context, client *redis.Client) (string, error) {
	info, err := client.Info(ctx, "server").Result()
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(info) {
		if version, ok := strings.CutPrefix(line, "redis_version:"); ok {
			return strings.TrimSpace(version), nil
		}
	}
	return "", errors.New("no version in INFO")
}
