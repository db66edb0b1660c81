package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"flag"

	"github.com/stent-dev/stent/internal/app"
)

// settings makes a command take the settings that every program has.
func settings(cmd *cobra.Command) (*app.Settings, error) {
	s := app.DefaultSettings()
	flags := flag.NewFlagSet(cmd.Name(), flag.ContinueOnError)
	err := s.Register(flags, os.Getenv)
	cmd.Flags().AddGoFlagSet(flags)
	return &s, err
}

func devCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "dev",
		Short: "Run the API and a scheduler in one process, on an embedded SQLite file",
		Args:  cobra.NoArgs,
	}
	s, badEnvironment := settings(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if badEnvironment != nil {
			return badEnvironment
		}
		if s.DatabaseURL == "" {
			s.DatabaseURL = "sqlite:stent.db"
		}
		return app.Dev(cmd.Context(), *s, func(url string) {
			fmt.Fprintf(cmd.OutOrStdout(), "Stent is ready at %s (database %s)\n", url, app.Redacted(s.DatabaseURL))
		})
	}
	return cmd
}
