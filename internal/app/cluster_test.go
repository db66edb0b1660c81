package app_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stent-dev/stent/internal/testenv"
)

// backend is one way to run Stent.
type backend string

const (
	onSQLite   backend = "SQLite with stent dev"
	onPostgres backend = "PostgreSQL with one API and two schedulers"
	onRedis    backend = "PostgreSQL and Redis with one API and two schedulers"
)

var backends = []backend{onSQLite, onPostgres, onRedis}

// cluster is Stent as real processes.
type cluster struct {
	t          *testing.T
	url        string
	apis       []string // every API service; url is the first
	env        []string
	services   []*testenv.Process // one for each of apis
	schedulers []*testenv.Process
	probes     []string // where the schedulers, or stent dev, can be asked for their health and metrics
}

// patient is the setting of tests that kill nobody: however slow the machine, no
// scheduler that lives is to be taken for dead.
const patient = "STENT_LEASE_DURATION=1m"

// start runs Stent on a backend of its own. Leases are short, so that what a
// killed scheduler held is taken over within seconds.
func start(t *testing.T, b backend, env ...string) *cluster {
	t.Helper()
	addr := testenv.FreeAddr(t)
	c := &cluster{t: t, url: "http://" + addr}
	c.apis = []string{c.url}
	c.env = []string{"STENT_LEASE_DURATION=1500ms", "STENT_LOG_LEVEL=warn"}
	c.env = append(c.env, env...)
	if b == onSQLite {
		c.env = append(c.env, "STENT_DATABASE_URL="+testenv.SQLite(t), "STENT_ADDR="+addr)
		c.dev()
		return c
	}
	c.env = append(c.env, "STENT_DATABASE_URL="+testenv.Postgres(t))
	if b == onRedis {
		c.env = append(c.env, "STENT_REDIS_URL="+testenv.Redis(t))
	}
	c.services = []*testenv.Process{c.startAPI("api", addr)}
	c.scheduler()
	c.scheduler()
	return c
}

// api starts one more API service.
func (c *cluster) api() {
	c.t.Helper()
	addr := testenv.FreeAddr(c.t)
	c.services = append(c.services, c.startAPI(fmt.Sprintf("api-%d", len(c.apis)+1), addr))
	c.apis = append(c.apis, "http://"+addr)
}

// startAPI starts an API service at an address.
func (c *cluster) startAPI(name, addr string) *testenv.Process {
	c.t.Helper()
	p := testenv.Start(c.t, name, testenv.Build(c.t, "./cmd/api"), nil, append(c.env, "STENT_ADDR="+addr))
	p.WaitReady("http://" + addr + "/readyz")
	return p
}

// replaceAPI stops an API service and starts another at its address.
func (c *cluster) replaceAPI(i int) {
	c.t.Helper()
	if err := c.services[i].Stop(); err != nil {
		c.t.Errorf("the API service did not stop cleanly: %v", err)
	}
	c.services[i] = c.startAPI(fmt.Sprintf("api-%d-again", i+1), strings.TrimPrefix(c.apis[i], "http://"))
}

// replaceScheduler stops a scheduler and starts another.
func (c *cluster) replaceScheduler(i int) {
	c.t.Helper()
	if err := c.schedulers[i].Stop(); err != nil {
		c.t.Errorf("the scheduler did not stop cleanly: %v", err)
	}
	c.scheduler()
}

// at is the cluster as seen through one of its API services.
func (c *cluster) at(i int) *cluster {
	through := *c
	through.url = c.apis[i%len(c.apis)]
	return &through
}

// dev starts stent dev.
func (c *cluster) dev() *testenv.Process {
	c.t.Helper()
	p := testenv.Start(c.t, "dev", testenv.Build(c.t, "./cmd/stent"), []string{"dev"}, c.env)
	p.WaitReady(c.url + "/readyz")
	c.schedulers = append(c.schedulers, p)
	c.probes = []string{c.url}
	return p
}

// scheduler starts one more scheduler.
func (c *cluster) scheduler() *testenv.Process {
	c.t.Helper()
	addr := testenv.FreeAddr(c.t)
	name := fmt.Sprintf("scheduler-%d", len(c.schedulers)+1)
	p := testenv.Start(c.t, name, testenv.Build(c.t, "./cmd/scheduler"), nil, append(c.env, "STENT_ADDR="+addr))
	p.WaitReady("http://" + addr + "/readyz")
	c.schedulers = append(c.schedulers, p)
	c.probes = append(c.probes, "http://"+addr)
	return p
}

// answer is what the service answered.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (a answer) field(t *testing.T, name string) any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(a.body, &m); err != nil {
		t.Fatalf("answer %d is not an object: %s", a.status, a.body)
	}
	return m[name]
}

// do sends a request; body is JSON text.
func (c *cluster) do(method, path, body string, header ...string) answer {
	c.t.Helper()
	request, err := http.NewRequestWithContext(c.t.Context(), method, c.url+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		c.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return answer{response.StatusCode, response.Header, text}
}

// must sends a request that is to be answered with the status.
func (c *cluster) must(status int, method, path, body string, header ...string) answer {
	c.t.Helper()
	a := c.do(method, path, body, header...)
	if a.status != status {
		c.t.Fatalf("%s %s: %d, want %d: %s", method, path, a.status, status, a.body)
	}
	return a
}

// register registers a function at a URL.
func (c *cluster) register(name, kind, url, more string) {
	c.t.Helper()
	c.must(http.StatusOK, "PUT", "/v1/functions/"+name, fmt.Sprintf(`{"kind": %q, "url": %q%s}`, kind, url, more))
}

// completed waits for an execution and gives its result.
func (c *cluster) completed(id string) string {
	c.t.Helper()
	var a answer
	for deadline := time.Now().Add(3 * time.Minute); time.Now().Before(deadline); {
		a = c.must(http.StatusOK, "GET", "/v1/executions/"+id+"?wait=10s", "")
		switch state := a.field(c.t, "state"); state {
		case "completed":
			var e struct{ Result json.RawMessage }
			if err := json.Unmarshal(a.body, &e); err != nil {
				c.t.Fatal(err)
			}
			return string(e.Result)
		case "failed", "timed_out", "cancelled":
			c.t.Fatalf("execution ended as %s: %s", state, a.body)
		}
	}
	c.t.Fatalf("execution did not end: %s", a.body)
	return ""
}

// worker starts the Go worker of testdata and registers it by its manifest.
func (c *cluster) worker(addr string, env ...string) *testenv.Process {
	c.t.Helper()
	p := testenv.Start(c.t, "worker", testenv.Build(c.t, "./internal/app/testdata/worker"), []string{addr}, env)
	p.WaitReady("http://" + addr)
	c.must(http.StatusCreated, "POST", "/v1/workers", fmt.Sprintf(`{"url": "http://%s"}`, addr))
	return p
}

// python starts the plain HTTP worker of examples/python and gives its URL.
func python(t *testing.T) (*testenv.Process, string) {
	t.Helper()
	path, err := exec.LookPath("python3")
	if err != nil {
		t.Fatal("this test needs python3: apt-get install python3")
	}
	_, file, _, _ := runtime.Caller(0)
	script := filepath.Join(filepath.Dir(file), "..", "..", "examples", "python", "worker.py")
	p := testenv.Start(t, "python", path, []string{script, "0"}, nil)
	_, url, _ := strings.Cut(p.WaitLine("listening on "), "listening on ")
	return p, url
}

func lines(p *testenv.Process, prefix string) []string {
	var found []string
	for line := range bytes.Lines([]byte(p.Output())) {
		if bytes.HasPrefix(line, []byte(prefix)) {
			found = append(found, strings.TrimSpace(string(line)))
		}
	}
	return found
}
