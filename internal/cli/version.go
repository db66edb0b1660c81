package cli

import (
	"cmp"
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// build is what this program was built from.
type build struct {
	Version  string `json:"version"`  // of the module; "(devel)" for a working copy
	Revision string `json:"revision"` // of its repository; empty: it is not known
	Modified bool   `json:"modified"` // the working copy had changes that the revision does not have
	Time     string `json:"time"`     // of the revision, RFC 3339; empty: it is not known
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// built reads what this program was built from.
func built() build {
	b := build{Version: "(devel)", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, known := debug.ReadBuildInfo()
	if !known {
		return b
	}
	b.Version = cmp.Or(info.Main.Version, b.Version)
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Revision = s.Value
		case "vcs.time":
			b.Time = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
}

// String writes it on one line.
func (b build) String() string {
	revision := b.Revision
	if revision != "" && b.Modified {
		revision += " with changes"
	}
	return "stent " + b.Version + " (" + join(", ", revision, b.Go, b.Platform) + ")"
}

func (s *session) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Tell the version of this program, as `stent --version` does",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if err := s.checkOutput(); err != nil {
				return err
			}
			b := built()
			if s.output != outputJSON {
				_, err := fmt.Fprintln(s.Out, b)
				return err
			}
			return json.NewEncoder(s.Out).Encode(b)
		},
	}
}
