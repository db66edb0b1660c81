package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/stent-dev/stent/internal/app"
)

func migrateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "migrate",
		Short: "Bring the database's schema up to date, or take it back",
	}
	for _, one := range []struct{ use, short string }{
		{"up", "Bring the schema up to date"},
		{"down", "Take every migration back: this deletes all data"},
		{"version", "Say which version the schema has"},
	} {
		cmd.AddCommand(migration(one.use, one.short))
	}
	return cmd
}

func migration(use, short string) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Args: cobra.NoArgs}
	s, badEnvironment := settings(cmd)
	force := false
	if use == "down" {
		cmd.Flags().BoolVar(&force, "force", false, "delete all data without asking")
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		switch {
		case badEnvironment != nil:
			return badEnvironment
		case s.DatabaseURL == "":
			return errors.New("set STENT_DATABASE_URL or --database-url to the database to migrate")
		case use == "down" && !force:
			return errors.New("this deletes all data: say --force if that is what you want")
		}
		version, err := app.Migrate(cmd.Context(), s.DatabaseURL, use)
		if err != nil {
			return err
		}
		fmt.Fprintf(cmd.OutOrStdout(), "the schema has version %d\n", version)
		return nil
	}
	return cmd
}
