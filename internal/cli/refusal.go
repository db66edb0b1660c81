package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/stent-dev/stent/durable"
)

// The codes of refusals that the command line has words of its own for.
const (
	codeInvalid       = "invalid_request"
	codeNotFound      = "not_found"
	codeNotRegistered = "function_not_registered"
)

// call is what the service is being asked for: a command, and its arguments or the
// one of them that it acts on at the moment.
type call struct {
	command *cobra.Command
	args    []string
}

// explainRefusal finds the exit code of a refusal, and words for people.
func (s *session) explainRefusal(e *durable.APIError) (code Exit, message, hint string) {
	message = clean(cmp.Or(e.Detail, e.Title))
	if e.Code != "" {
		message += " (" + e.Code + ")"
	}
	fields := s.call.fieldsOf(e)
	detailed := message
	if len(fields) > 0 {
		detailed += "\n  " + strings.Join(fields, "\n  ")
	}
	switch {
	case e.Code == "":
		return ExitUnreachable, fmt.Sprintf("%s answered %d: %s", s.url, e.Status, message), s.hintURL()
	case e.Code == codeNotRegistered:
		return ExitRefused, message, "`stent functions` lists what is registered; `stent worker register URL` registers."
	case e.Status == http.StatusUnauthorized:
		return ExitForbidden, s.lacking() + " (" + e.Code + ")", hintKey
	case e.Status == http.StatusForbidden:
		return ExitForbidden, message, hintKey
	case e.Status == http.StatusNotFound:
		return ExitNotFound, message, ""
	case e.Code == codeInvalid, e.Status == http.StatusRequestEntityTooLarge:
		return ExitUsage, cmp.Or(listed(fields), message), ""
	case e.Status >= http.StatusInternalServerError:
		return ExitUnreachable, detailed, ""
	}
	return ExitRefused, detailed, ""
}

const hintKey = "Give one of the service's STENT_API_KEYS with --api-key or STENT_API_KEY."

// lacking says what is wrong with the key that was sent.
func (s *session) lacking() string {
	if s.key == "" {
		return "the service needs an API key"
	}
	return "the service does not know this API key"
}

// fieldsOf says what is wrong with each field of a request, in the words of the command line.
func (c *call) fieldsOf(e *durable.APIError) []string {
	fields := make([]string, 0, len(e.Fields))
	for _, f := range e.Fields {
		fields = append(fields, clean(c.word(f.Pointer)+" "+f.Detail))
	}
	return fields
}

// listed tells the faults of fields, in place of a detail that only says that there are some.
func listed(faults []string) string {
	if len(faults) < 2 {
		return strings.Join(faults, "")
	}
	return "the service refuses this:\n  " + strings.Join(faults, "\n  ")
}

// word names what became a field of a request: a flag, or an argument and its value.
// What is neither keeps the service's name for it.
func (c *call) word(pointer string) string {
	parts := strings.Split(strings.TrimPrefix(pointer, "/"), "/")
	place := parts[0]
	switch place {
	case "path", "query", "header", "filter":
		parts = parts[1:]
	case "": // the body as a whole, which only signals have from the command line
		parts = []string{"input"}
	}
	if c.command == nil || len(parts) == 0 {
		return pointer
	}
	name := strings.ToLower(strings.ReplaceAll(parts[0], "_", "-"))
	if i := slices.Index(argumentNames(c.command), strings.ToUpper(name)); i >= 0 && i < len(c.args) {
		return c.argument(i)
	}
	for _, flag := range []string{name, strings.TrimSuffix(name, "s")} {
		if c.command.Flags().Lookup(flag) != nil {
			return "--" + flag
		}
	}
	switch {
	case place == "path" && len(c.args) > 0:
		return c.argument(0)
	case place == "path" && c.command.Flags().Changed("execution"):
		return "--execution"
	}
	return pointer
}

// argument names an argument with its value.
func (c *call) argument(i int) string {
	return argument(c.command, i) + " " + strconv.Quote(cut(c.args[i], 60))
}

// place finds out whether there is an API at all where the service answered that
// something is not there: on a path that nobody knows it answers the same.
func (s *session) place(ctx context.Context, err error) error {
	var refused *durable.APIError
	if !errors.As(err, &refused) || refused.Code != codeNotFound {
		return err
	}
	if u, malformed := url.Parse(s.url); malformed != nil || u.Path == "" {
		return err // its paths are the right ones
	}
	if _, other := s.client.Functions(ctx, durable.Part{Limit: 1}); errors.As(other, &refused) && refused.Code == codeNotFound {
		return &exitError{ExitUnreachable, errors.New("there is no API of Stent at " + s.url), s.hintURL()}
	}
	return err
}

// hintURL says how to find the service.
func (s *session) hintURL() string {
	if base, deep := strings.CutSuffix(s.url, "/v1"); deep {
		return "Give the URL without /v1: " + base
	}
	return "STENT_URL or --url says where Stent is."
}
