package main

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stent-dev/stent/durable"
	"github.com/stent-dev/stent/durable/durabletest"
	"github.com/stent-dev/stent/internal/apptest"
	"github.com/stent-dev/stent/internal/testenv"
)

// stepsOfAFilm are download, probe, three renditions, thumbnail, publish.
const stepsOfAFilm = 7

func TestCrashingWorkersLoseNothingAndRepeatNoEffect(t *testing.T) {
	t.Parallel()
	out, err := run(t.Context(), apptest.Dev(t), testenv.Build(t, "./examples/media"))
	if err != nil {
		t.Fatal(err)
	}
	t.Log(out)
	if out.kills == 0 {
		t.Fatal("no worker was killed: the test shows nothing")
	}
	if out.published != films || out.effects != films*stepsOfAFilm || out.requests < out.effects {
		t.Fatalf("%v; want %d films published, with one effect for each of %d steps", out, films, films*stepsOfAFilm)
	}
}

func TestRenditionThatFailsForGoodFailsTheFilm(t *testing.T) {
	t.Parallel()
	made := newStorage()
	server := httptest.NewServer(made)
	t.Cleanup(server.Close)
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	env := durabletest.New(t, newWorker(server.URL))
	env.Answer("transcode", "film-1080p.mp4", durable.Terminal(durable.Errorf("codec", "no such codec")), errors.New("never asked again"))
	x := env.Dispatch("film", "film")
	if x.State() != durable.StateFailed || x.Get().Error.Type != "codec" || len(x.Calls("publish")) != 0 {
		t.Fatalf("%+v", x.Get())
	}
	if _, effects := made.counts(); effects != 2 {
		t.Fatalf("%d effects, want those of download and probe", effects)
	}
}

func TestFilmIsPublishedWithAllItsFiles(t *testing.T) {
	t.Parallel()
	env := durabletest.New(t, newWorker("http://unused.test"))
	env.Answer("download", "film.mov")
	env.Answer("probe", source{"film.mov", []string{"4k", "720p"}})
	env.Answer("transcode", errors.New("crash"), "a.mp4", "b.mp4")
	env.Answer("thumbnail", "film.png")
	env.Answer("publish", "online")
	x := env.Dispatch("film", "film")
	x.Wait()
	got := durabletest.Inputs[[]string](x.Calls("publish"))
	if len(got) != 1 || len(got[0]) != 3 || len(x.Calls("transcode")) != 3 {
		t.Fatalf("published %v after %d attempts to transcode", got, len(x.Calls("transcode")))
	}
}
