package app

import (
	"log/slog"
	"os"

	"github.com/stent-dev/stent/internal/telemetry"
)

// Logger is where a program logs.
type Logger = *slog.Logger

// logger makes the logger that the settings describe.
func (s *Settings) logger() (Logger, error) {
	if s.Log != nil {
		return s.Log, nil
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(s.LogLevel)); err != nil {
		return nil, err // Check says so before
	}
	options := &slog.HandlerOptions{Level: level}
	var handler slog.Handler = slog.NewTextHandler(os.Stderr, options)
	if s.LogFormat == "json" {
		handler = slog.NewJSONHandler(os.Stderr, options)
	}
	return slog.New(telemetry.LogHandler(handler)), nil
}
