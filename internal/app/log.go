package app

import (
	"fmt"
	"log/slog"
	"os"
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
		return nil, fmt.Errorf("log-level %q: want debug, info, warn or error", s.LogLevel)
	}
	options := &slog.HandlerOptions{Level: level}
	if s.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(os.Stderr, options)), nil
	}
	return slog.New(slog.NewTextHandler(os.Stderr, options)), nil
}
