package main

import (
	"flag"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/stent-dev/stent/internal/app"
	"github.com/stent-dev/stent/internal/cli"
)

// settings makes a command take the settings that every program has.
func settings(cmd *cobra.Command, getenv func(string) string) (*app.Settings, error) {
	s := app.DefaultSettings()
	flags := flag.NewFlagSet(cmd.Name(), flag.ContinueOnError)
	err := s.Register(flags, getenv)
	cmd.Flags().AddGoFlagSet(flags)
	return &s, err
}

// database makes a command take the setting that says where the database is, and no other.
func database(cmd *cobra.Command, getenv func(string) string) (*app.Settings, error) {
	const variable, name = "STENT_DATABASE_URL", "database-url"
	s := app.DefaultSettings()
	flags := flag.NewFlagSet(cmd.Name(), flag.ContinueOnError)
	err := s.Register(flags, func(key string) string {
		if key == variable {
			return getenv(key)
		}
		return ""
	})
	cmd.Flags().AddGoFlag(flags.Lookup(name))
	return &s, err
}

func devCommand(getenv func(string) string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "dev",
		Short: "Run the API and a scheduler in one process, on an embedded SQLite file",
		Args:  cobra.NoArgs,
	}
	s, badEnvironment := settings(cmd, getenv)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if badEnvironment != nil {
			return cli.Usage(badEnvironment)
		}
		if err := s.Check(); err != nil {
			return cli.Usage(err)
		}
		if s.DatabaseURL == "" {
			s.DatabaseURL = "sqlite:stent.db"
		}
		return explained(app.Dev(cmd.Context(), *s, func(url string) {
			fmt.Fprintf(cmd.OutOrStdout(), "Stent is ready at %s (database %s)\n", url, app.Redacted(s.DatabaseURL))
		}))
	}
	return cmd
}
