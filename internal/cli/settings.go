package cli

import (
	"cmp"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// DefaultURL is where the service is looked for when nothing else is said.
const DefaultURL = "http://127.0.0.1:8233"

// The forms of output.
const (
	outputTable = "table"
	outputJSON  = "json"
)

// settings are what every command that speaks to the service can be told.
type settings struct {
	url    string
	key    string
	output string
}

func (s *settings) register(cmd *cobra.Command) {
	flags := cmd.PersistentFlags()
	flags.StringVar(&s.url, "url", "", "the `URL` of Stent (STENT_URL; default "+DefaultURL+")")
	flags.StringVar(&s.key, "api-key", "", "the API `key` to send (STENT_API_KEY, or the first of STENT_API_KEYS)")
	flags.StringVarP(&s.output, "output", "o", outputTable, "`form`: table, or json, which is what REST answers, as it came")
	complete(cmd, "output", outputTable, outputJSON)
}

// resolve fills in what the environment says, and checks.
func (s *settings) resolve(getenv func(string) string) error {
	first, _, _ := strings.Cut(getenv("STENT_API_KEYS"), ",")
	s.key = cmp.Or(s.key, getenv("STENT_API_KEY"), strings.TrimSpace(first))
	s.url = strings.TrimRight(cmp.Or(s.url, getenv("STENT_URL"), DefaultURL), "/")
	if u, err := url.Parse(s.url); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return usagef("%q is not a URL of Stent, such as %s: see --url and STENT_URL", s.url, DefaultURL)
	}
	if what := unsendable(s.key); what != "" {
		return usagef("the API key holds %s, which cannot be sent: see --api-key and STENT_API_KEY", what)
	}
	return s.checkOutput()
}

// checkOutput refuses a form of output that there is not.
func (s *settings) checkOutput() error {
	if s.output != outputTable && s.output != outputJSON {
		return usagef("--output %q: want %s or %s", s.output, outputTable, outputJSON)
	}
	return nil
}

// unsendable says what a key holds that HTTP does not take in a header (RFC 9110,
// section 5.5); "" for nothing.
func unsendable(key string) string {
	switch {
	case strings.ContainsAny(key, "\r\n"):
		return "a line break"
	case strings.ContainsFunc(key, func(r rune) bool { return r < ' ' && r != '\t' || r == '\x7f' }):
		return "a control character"
	}
	return ""
}

// answerTime bounds how long the service may take to begin an answer: somewhat
// longer than it holds one when asked to wait.
const answerTime = 75 * time.Second

// newTransport connects quickly or not at all: people wait.
func newTransport() *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
		TLSHandshakeTimeout:   5 * time.Second,
		ResponseHeaderTimeout: answerTime,
		ForceAttemptHTTP2:     true,
	}
}
