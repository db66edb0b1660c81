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

// serveDashboard adds the routes of the page and of its assets.
func serveDashboard(r chi.Router, files fs.FS) error {
	return fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		a, err := readAsset(files, name, dashboardPolicy)
		if err != nil {
			return err
		}
		route := dashboardPath + name
		if name == "index.html" {
			route = "/"
		}
		r.Method(http.MethodGet, route, a)
		return nil
	})
}
