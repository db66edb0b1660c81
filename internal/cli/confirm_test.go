package cli_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stent-dev/stent/internal/cli"
)

// destructive are commands that ask first, and what they then send.
var destructive = map[string]string{
	"cancel " + executionID:                              "POST /v1/executions/" + executionID + `/cancel {"mode":"graceful"}`,
	"cancel --mode force " + executionID:                 "POST /v1/executions/" + executionID + `/cancel {"mode":"force"}`,
	"restart " + executionID + " --from-step b#0":        "POST /v1/executions/" + executionID + `/restart {"from_step":"b#0"}`,
	"cancel --state running --function order":            `POST /v1/executions/cancel {"filter":{"state":["running"],"function":["order"]},"limit":1000,"dry_run":false,"mode":"graceful"}`,
	"restart --tag a --created-before 1h -n 5":           `POST /v1/executions/restart {"filter":{"tag":["a"],"created_before":"2026-01-02T14:04:05Z"},"limit":5,"dry_run":false}`,
	"cleanup --older-than 30d":                           `POST /v1/cleanup {"dead_letters":true,"dry_run":false,"executions":true,"older_than":"30d"}`,
	"cleanup --older-than 1h --dead-letters":             `POST /v1/cleanup {"dead_letters":true,"dry_run":false,"executions":false,"older_than":"1h"}`,
	"cleanup --older-than 1h --dead-letters=false":       `POST /v1/cleanup {"dead_letters":false,"dry_run":false,"executions":true,"older_than":"1h"}`,
	"cleanup --older-than 1h --executions=false":         `POST /v1/cleanup {"dead_letters":true,"dry_run":false,"executions":false,"older_than":"1h"}`,
	"dlq discard " + id(20):                              "DELETE /v1/dead-letters/" + id(20),
	"dlq replay-all --function charge --failed-after 1h": `POST /v1/dead-letters/replay {"failed_after":"2026-01-02T14:04:05Z","function":"charge","limit":1000,"reset_retries":true}`,
}

// obliging answers everything that a destructive command asks.
func obliging() map[string]answer {
	all := map[string]answer{
		"POST /v1/cleanup":                  {200, `{"executions":3,"dead_letters":1}`},
		"POST /v1/dead-letters/replay":      {200, `{"matched":4,"replayed":3,"refused":1,"more":false}`},
		"DELETE /v1/dead-letters/" + id(20): {204, ""},
	}
	for _, action := range []string{"cancel", "pause", "resume", "restart"} {
		all["POST /v1/executions/"+action] = answer{200, `{"matched":3,"affected":2,"more":false}`}
		all["POST /v1/executions/"+executionID+"/"+action] = answer{200, `{"id":"` + executionID + `","state":"running"}`}
	}
	return all
}

func isDry(asked string) bool { return strings.Contains(asked, `"dry_run":true`) }

func TestWhatDestroysIsConfirmed(t *testing.T) {
	t.Parallel()
	for line, want := range destructive {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			for _, c := range []struct {
				name  string
				asks  bool
				types string
				force bool
				want  cli.Exit
			}{
				{"nobody can be asked", false, "y\n", false, cli.ExitDeclined},
				{"yes", true, "y\n", false, cli.ExitOK},
				{"no", true, "n\n", false, cli.ExitDeclined},
				{"nothing", true, "", false, cli.ExitDeclined},
				{"force", false, "", true, cli.ExitOK},
			} {
				service, term := serve(t, obliging())
				term.Asks, term.In = c.asks, strings.NewReader(c.types)
				args := strings.Fields(line)
				if c.force {
					args = append(args, "--force")
				}
				exit := term.run(t.Context(), args...)
				did := slices.DeleteFunc(service.asked, isDry)
				if c.want != cli.ExitOK {
					if exit != c.want || len(did) > 0 {
						t.Errorf("%s: exit %d, did %q: %s", c.name, exit, did, &term.err)
					}
				} else if exit != cli.ExitOK || len(did) != 1 || did[0] != want {
					t.Errorf("%s: exit %d, did %q\nwant %s: %s", c.name, exit, did, want, &term.err)
				}
			}
		})
	}
}

func TestDryRunDoesNothingAndAsksNothing(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"cancel --state running --dry-run":  "3 executions selected\n",
		"cleanup --older-than 1d --dry-run": "3 executions and 1 dead letter would be deleted\n",
		"pause --queue eu --dry-run":        "3 executions selected\n",
		"resume --state blocked":            "3 executions selected, 2 affected\n",
		"pause " + executionID:              executionID + " is running\n",
		"cancel --force --state running":    "3 executions selected, 2 affected\n",
		"dlq replay-all --force":            "4 dead letters selected, 3 replayed, 1 stay: nobody waits for them any more\n",
		"dlq discard --force " + id(20):     "dead letter " + id(20) + " is discarded\n",
	} {
		service, term := serve(t, obliging())
		exit := term.run(t.Context(), strings.Fields(line)...)
		if exit != cli.ExitOK || term.out.String() != want {
			t.Errorf("%s: exit %d: %s%s", line, exit, &term.out, &term.err)
		}
		if strings.Contains(line, "--dry-run") && slices.ContainsFunc(service.asked, func(a string) bool { return !isDry(a) }) {
			t.Errorf("%s did %q", line, service.asked)
		}
	}
}

func TestRefusalOfOneDoesNotKeepFromTheOthers(t *testing.T) {
	t.Parallel()
	answers := obliging()
	answers["POST /v1/executions/ended/cancel"] = problem(409, "already_terminal")
	answers["POST /v1/executions/gone/cancel"] = problem(404, "not_found")
	service, term := serve(t, answers)
	exit := term.run(t.Context(), "cancel", "--force", "ended", "gone", executionID)
	if exit != cli.ExitRefused || len(service.asked) != 3 || term.out.String() != executionID+" is running\n" {
		t.Errorf("exit %d after %q: %s%s", exit, service.asked, &term.out, &term.err)
	}
}

func TestNobodyIsAskedAboutNothing(t *testing.T) {
	t.Parallel()
	service, term := serve(t, map[string]answer{"POST /v1/cleanup": {200, `{"executions":0,"dead_letters":0,"more":false}`}})
	exit := term.run(t.Context(), "cleanup", "--older-than", "30d")
	if exit != cli.ExitOK || len(service.asked) != 1 || !isDry(service.asked[0]) || term.out.String() != "0 executions and 0 dead letters deleted\n" {
		t.Errorf("exit %d after %q: %s%s", exit, service.asked, &term.out, &term.err)
	}
}
