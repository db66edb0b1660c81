package app_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stent-dev/stent/internal/testenv"
)

// dispatch starts an execution and gives its id.
func (c *cluster) dispatch(function, input string) string {
	c.t.Helper()
	a := c.must(http.StatusCreated, "POST", "/v1/executions", fmt.Sprintf(`{"function": %q, "input": %s}`, function, input))
	id, _ := a.field(c.t, "id").(string)
	return id
}

// began counts how often each step began, by what the workers printed.
func began(workers ...*testenv.Process) map[string]int {
	counts := map[string]int{}
	for _, p := range workers {
		for _, line := range lines(p, "begin step ") {
			counts[strings.Fields(line)[2]]++
		}
	}
	return counts
}

func TestKilledSchedulerRepeatsNoCompletedStep(t *testing.T) {
	t.Parallel()
	for _, b := range backends {
		t.Run(string(b), func(t *testing.T) {
			t.Parallel()
			c := start(t, b)
			worker := c.worker(testenv.FreeAddr(t), "STEP_PAUSE=400ms")
			id := c.dispatch("five", "0")
			worker.WaitLine("begin step 2") // steps 0 and 1 are stored
			for _, s := range c.schedulers {
				s.Kill()
			}
			if b == onSQLite {
				c.dev()
			} else {
				c.scheduler()
			}
			if got := c.completed(id); got != "5" {
				t.Fatalf("result %s", got)
			}
			counts := began(worker)
			for _, step := range []string{"0", "1", "3", "4"} {
				if counts[step] != 1 {
					t.Errorf("step %s ran %d times, want once", step, counts[step])
				}
			}
			if counts["2"] < 1 || counts["2"] > 2 {
				t.Errorf("step 2, in flight when the scheduler was killed, ran %d times", counts["2"])
			}
		})
	}
}

func TestWorkerKilledInTheMiddleOfATurnRepeatsNoStep(t *testing.T) {
	t.Parallel()
	for _, b := range backends {
		t.Run(string(b), func(t *testing.T) {
			t.Parallel()
			c := start(t, b)
			addr := testenv.FreeAddr(t)
			first := c.worker(addr, "TURN_PAUSE=300ms")
			id := c.dispatch("five", "0")
			first.WaitLine("turn before step 3")
			first.Kill()
			second := c.worker(addr)
			if got := c.completed(id); got != "5" {
				t.Fatalf("result %s", got)
			}
			for step, n := range began(first, second) {
				if n != 1 {
					t.Errorf("step %s ran %d times, want once", step, n)
				}
			}
		})
	}
}

func TestWideFanOutComesBackInOrder(t *testing.T) {
	t.Parallel()
	const wide = 1000
	want := make([]int, 0, 2*wide)
	for range 2 {
		for i := range wide {
			want = append(want, i)
		}
	}
	for _, b := range backends {
		t.Run(string(b), func(t *testing.T) {
			t.Parallel()
			c := start(t, b, patient)
			c.worker(testenv.FreeAddr(t))
			var got []int
			if err := json.Unmarshal([]byte(c.completed(c.dispatch("fan-out", fmt.Sprint(wide)))), &got); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got, want) {
				t.Fatalf("results are not those of the inputs in order: %v", got)
			}
		})
	}
}
