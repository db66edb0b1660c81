//go:build unix

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/stent-dev/stent/internal/testenv"
	"github.com/stent-dev/stent/internal/testenv/local"
)

// serve holds one resource until in ends or ctx does, after having written a
// testenv.Resource to out as one line.
func serve(ctx context.Context, kind string, in io.Reader, out io.Writer) error {
	resource, release, err := acquire(kind)
	if err != nil {
		resource.Error = err.Error()
		// The parent reads the error there: it is not one of this process.
		return json.NewEncoder(out).Encode(resource)
	}
	if err := json.NewEncoder(out).Encode(resource); err != nil {
		return errors.Join(err, release())
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		// However reading ends, the parent is gone.
		_, _ = io.Copy(io.Discard, in)
	}()
	select {
	case <-ended:
	case <-ctx.Done():
	}
	return release()
}

func acquire(kind string) (resource testenv.Resource, release func() error, err error) {
	var server *local.Server
	switch kind {
	case testenv.BackendPostgres:
		server, err = local.Postgres(os.Stderr)
	case testenv.BackendRedis:
		server, err = local.Redis(os.Stderr)
	case testenv.BackendChromium:
		path, version, err := local.FindChromium(os.Stderr)
		return testenv.Resource{URL: path, Version: version}, func() error { return nil }, err
	case "dir":
		dir, err := local.NewScratch()
		if err != nil {
			return resource, nil, err
		}
		return testenv.Resource{URL: dir.Path}, dir.Remove, nil
	default:
		err = fmt.Errorf("no such resource: %q", kind)
	}
	if err != nil {
		return resource, nil, err
	}
	return testenv.Resource{URL: server.URL, Version: server.Version}, server.Stop, nil
}
