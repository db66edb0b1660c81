package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/stent-dev/stent/durable"
)

// source is what probing a film tells.
type source struct {
	File  string   `json:"file"`
	Sizes []string `json:"sizes"` // to make of it
}

// rendition asks for a film in one size.
type rendition struct {
	File string `json:"file"`
	Size string `json:"size"`
}

// bring is the pipeline. It reads like a script that nothing interrupts.
func bring(ctx *durable.Context, name string) (string, error) {
	file, err := durable.Call[string](ctx, "download", name)
	if err != nil {
		return "", err
	}
	probed, err := durable.Call[source](ctx, "probe", file)
	if err != nil {
		return "", err
	}
	renditions := make([]*durable.Future[string], len(probed.Sizes))
	for i, size := range probed.Sizes {
		renditions[i] = durable.Start[string](ctx, "transcode", rendition{probed.File, size})
	}
	made, err := durable.Gather(ctx, renditions)
	if err != nil {
		return "", err
	}
	ctx.Count("renditions", int64(len(made)))
	thumbnail, err := durable.Call[string](ctx, "thumbnail", probed.File)
	if err != nil {
		return "", err
	}
	return durable.Call[string](ctx, "publish", append(made, thumbnail))
}

// newWorker serves the pipeline. Its activities store what they make at storageURL.
func newWorker(storageURL string) *durable.Worker {
	w := durable.NewWorker()
	durable.Orchestrator(w, "film", bring)
	// Each crash costs the attempts that it interrupts, so there may be many.
	retry := durable.Retry(durable.RetryPolicy{MaxAttempts: 50, InitialDelay: 50 * time.Millisecond, MaxDelay: time.Second})
	durable.Activity(w, "download", func(ctx context.Context, name string) (string, error) {
		return name + ".mov", store(ctx, storageURL, name+".mov")
	}, retry)
	durable.Activity(w, "probe", func(ctx context.Context, file string) (source, error) {
		return source{file, []string{"1080p", "720p", "480p"}}, store(ctx, storageURL, file+".json")
	}, retry)
	durable.Activity(w, "transcode", func(ctx context.Context, r rendition) (string, error) {
		made := strings.TrimSuffix(r.File, ".mov") + "-" + r.Size + ".mp4"
		return made, store(ctx, storageURL, made)
	}, retry)
	durable.Activity(w, "thumbnail", func(ctx context.Context, file string) (string, error) {
		return file + ".png", store(ctx, storageURL, file+".png")
	}, retry)
	durable.Activity(w, "publish", func(ctx context.Context, files []string) (string, error) {
		return fmt.Sprintf("%d files are online", len(files)), store(ctx, storageURL, files[0]+"/published")
	}, retry)
	return w
}

// store keeps a file under a name. The key is the same for each attempt of a step,
// so that the storage recognises an attempt that follows one which had crashed.
func store(ctx context.Context, storageURL, name string) error {
	if err := work(ctx, 20*time.Millisecond); err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPut, storageURL+"/"+name, http.NoBody)
	if err != nil {
		return err
	}
	request.Header.Set("Idempotency-Key", durable.Info(ctx).IdempotencyKey)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }() // there is nothing in it
	if response.StatusCode != http.StatusNoContent {
		return fmt.Errorf("the storage answered %s", response.Status)
	}
	return work(ctx, 20*time.Millisecond)
}
