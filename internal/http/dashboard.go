package http

import (
	"io/fs"
	"net/http"

	"github.com/go-chi/chi/v5"
)

// dashboardPath is what the paths of the dashboard's assets begin with.
const dashboardPath = "/dashboard/"

// dashboardPolicy lets the page load what comes from here, and nothing else; no
// script or style may stand in the page, and no other page may frame it.
const dashboardPolicy = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// serveDashboard adds the routes of the page and of its assets: two, so that metrics
// have no line for each file.
func (s *server) serveDashboard(r chi.Router, files fs.FS) error {
	assets := map[string]*asset{} // by path
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		a, err := readAsset(files, name, dashboardPolicy)
		if err != nil {
			return err
		}
		assets[dashboardPath+name] = a
		return nil
	})
	if err != nil {
		return err
	}
	r.Method(http.MethodGet, "/", assets[dashboardPath+"index.html"])
	r.Get(dashboardPath+"*", func(w http.ResponseWriter, r *http.Request) {
		if a := assets[r.URL.Path]; a != nil {
			a.ServeHTTP(w, r)
			return
		}
		s.notFound(w, r)
	})
	return nil
}
