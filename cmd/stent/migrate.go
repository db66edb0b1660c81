package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/stent-dev/stent/internal/app"
	"github.com/stent-dev/stent/internal/cli"
	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/db/dbopen"
)

func migrateCommand(t cli.Terminal, getenv func(string) string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "migrate",
		Short: "Bring the database's schema up to date, or take it back",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	for _, one := range []struct{ use, short string }{
		{"up", "Bring the schema up to date"},
		{"down", "Take every migration back: this deletes all data"},
		{"version", "Say which version the schema has"},
	} {
		cmd.AddCommand(migration(t, getenv, one.use, one.short))
	}
	return cmd
}

func migration(t cli.Terminal, getenv func(string) string, use, short string) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Args: cobra.NoArgs}
	s, badEnvironment := database(cmd, getenv)
	force := false
	if use == "down" {
		cmd.Flags().BoolVarP(&force, "force", "f", false, "delete all data without asking")
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		switch {
		case badEnvironment != nil:
			return cli.Usage(badEnvironment)
		case s.DatabaseURL == "":
			return cli.Usage(errors.New("set STENT_DATABASE_URL or --database-url to the database to migrate"))
		case use == "down" && !force:
			if err := cli.Confirm(cmd.Context(), t, "This deletes all data of "+app.Redacted(s.DatabaseURL)+"."); err != nil {
				return err
			}
		}
		version, err := app.Migrate(cmd.Context(), s.DatabaseURL, use)
		if err != nil {
			return explained(err)
		}
		_, err = fmt.Fprintf(cmd.OutOrStdout(), "the schema has version %d\n", version)
		return err
	}
	return cmd
}

// explained gives an error of the database its exit code.
func explained(err error) error {
	switch {
	case errors.Is(err, dbopen.ErrURL):
		return cli.Usage(err)
	case errors.Is(err, db.ErrUnavailable):
		return cli.Unreachable(err, "STENT_DATABASE_URL or --database-url says where the database is.")
	}
	return err
}
