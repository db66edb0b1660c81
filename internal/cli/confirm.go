package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// forceable gives a command that destroys something the flag that skips the question.
func forceable(cmd *cobra.Command) (force *bool) {
	return cmd.Flags().BoolP("force", "f", false, "do not ask for confirmation")
}

// confirm asks whether to do something that cannot be taken back, such as "This
// deletes all data." Without somebody to ask it refuses.
func (s *session) confirm(ctx context.Context, force bool, what string, args ...any) error {
	if force {
		return nil
	}
	return Confirm(ctx, s.Terminal, fmt.Sprintf(what, args...))
}

// Confirm asks whether to do what cannot be taken back; nil is yes. The error says
// how to do it without being asked, if there is nobody to ask.
func Confirm(ctx context.Context, t Terminal, what string) error {
	if !t.Asks {
		return &exitError{ExitDeclined, errors.New(what + " Nobody can be asked here"), "Say --force if that is what you want."}
	}
	fmt.Fprintf(t.Err, "%s Continue? [y/N] ", clean(what))
	answered := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(t.In).ReadString('\n') // its end is a no
		answered <- strings.ToLower(strings.TrimSpace(line))
	}()
	select {
	case <-ctx.Done():
		fmt.Fprintln(t.Err)
		return ctx.Err()
	case answer := <-answered:
		if answer == "y" || answer == "yes" {
			return nil
		}
	}
	return &exitError{ExitDeclined, errors.New("not confirmed: nothing was done"), ""}
}
