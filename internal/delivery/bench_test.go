package delivery

import (
	"bytes"
	"io"
	"net/http"
	"testing"
)

func benchWorker(b *testing.B) string {
	return worker(b, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, `{"id":"ch_1"}`)
	})
}

func BenchmarkActivity(b *testing.B) {
	url := benchWorker(b)
	for name, secret := range map[string]string{"signed": testSecret, "unsigned": ""} {
		b.Run(name, func(b *testing.B) {
			c := client(b)
			r := request(url)
			r.Secret = secret
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if got := c.Activity(b.Context(), r); got.Outcome != Completed {
						b.Errorf("got %+v", got)
						return
					}
				}
			})
		})
	}
}

// BenchmarkPlainClient is what the same round trip costs without this package.
func BenchmarkPlainClient(b *testing.B) {
	url := benchWorker(b)
	plain := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: DefaultMaxIdleConnsPerHost}}
	b.Cleanup(plain.CloseIdleConnections)
	body := request(url).Body
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			req, err := http.NewRequestWithContext(b.Context(), http.MethodPost, url, bytes.NewReader(body))
			if err != nil {
				b.Error(err)
				return
			}
			req.Header.Set("Content-Type", "application/json")
			resp, err := plain.Do(req)
			if err != nil {
				b.Error(err)
				return
			}
			_, _ = io.ReadAll(resp.Body)
			_ = resp.Body.Close()
		}
	})
}
