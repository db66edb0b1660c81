package wake

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// maxNotify is below PostgreSQL's own limit of 8,000 bytes a payload.
	maxNotify = 7900
	// checkInterval is how long a silent connection is trusted.
	checkInterval = 30 * time.Second
	checkTimeout  = 5 * time.Second
)

// NewPostgres returns a bus that uses LISTEN and NOTIFY over two connections of
// its own, not through a pooler in transaction mode, which has no LISTEN. It
// fails on a URL that cannot be parsed; it connects only when it runs.
func NewPostgres(databaseURL string, opts Options) (*Remote, error) {
	opts.setDefaults()
	config, err := pgx.ParseConfig(databaseURL)
	if err != nil {
		return nil, fmt.Errorf("wake: %w", err)
	}
	config.RuntimeParams["application_name"] = "stent wake"
	// A hint is worth no flush to disk.
	config.RuntimeParams["synchronous_commit"] = "off"
	config.ConnectTimeout = checkTimeout
	// A listener never writes, so that only keep-alives tell a dead connection.
	dialer := &net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3}}
	config.DialFunc = dialer.DialContext
	return newRemote(&postgresLink{config: config, channel: opts.Channel}, opts, "postgres"), nil
}

type postgresLink struct {
	config  *pgx.ConnConfig
	channel string
	sender  *pgx.Conn // nil until connected
}

func (l *postgresLink) limit() int { return maxNotify }

func (l *postgresLink) send(ctx context.Context, payloads []string) error {
	if l.sender == nil {
		conn, err := pgx.ConnectConfig(ctx, l.config.Copy())
		if err != nil {
			return fmt.Errorf("connecting: %w", err)
		}
		l.sender = conn
	}
	if _, err := l.sender.Exec(ctx, "SELECT pg_notify($1, payload) FROM unnest($2::text[]) AS payload", l.channel, payloads); err != nil {
		l.close(ctx)
		return fmt.Errorf("notifying: %w", err)
	}
	return nil
}

func (l *postgresLink) close(ctx context.Context) {
	if l.sender != nil {
		closeConn(ctx, l.sender)
		l.sender = nil
	}
}

func (l *postgresLink) listen(ctx context.Context, up func(), got func(string)) error {
	conn, err := pgx.ConnectConfig(ctx, l.config.Copy())
	if err != nil {
		return fmt.Errorf("connecting: %w", err)
	}
	defer closeConn(ctx, conn)
	if _, err := conn.Exec(ctx, "LISTEN "+pgx.Identifier{l.channel}.Sanitize()); err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	up()
	for {
		payload, err := waitOrCheck(ctx, conn)
		if err != nil {
			return err
		}
		if payload != "" {
			got(payload)
		}
	}
}

// waitOrCheck returns the next payload, or none after a silence in which the
// connection was found to be alive.
func waitOrCheck(ctx context.Context, conn *pgx.Conn) (string, error) {
	silence, cancel := context.WithTimeout(ctx, checkInterval)
	defer cancel()
	notification, err := conn.WaitForNotification(silence)
	if err == nil {
		return notification.Payload, nil
	}
	if ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) {
		return "", fmt.Errorf("waiting: %w", err)
	}
	check, cancelCheck := context.WithTimeout(ctx, checkTimeout)
	defer cancelCheck()
	if err := conn.Ping(check); err != nil {
		return "", fmt.Errorf("checking the connection: %w", err)
	}
	return "", nil
}

func closeConn(ctx context.Context, conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = conn.Close(ctx) // it is given up in any case
}
