package http

import (
	"embed"
	"io/fs"
	"net/http"

	"github.com/go-chi/chi/v5"
	"github.com/swaggest/swgui/v5/static"
)

//go:embed reference
var reference embed.FS

// referenceAssets are the files of Swagger UI that the reference needs, beside its own.
var referenceAssets = []string{"swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png"}

// referencePolicy lets the page load and ask nothing of another host. Swagger UI
// styles its elements one by one, and has images in its style sheet.
const referencePolicy = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// serveReference serves the reference of REST at /docs: a page that shows openapi.yaml.
// Its paths are relative, so that it works below the prefix of a proxy too.
func serveReference(r chi.Router) {
	own, err := fs.Sub(reference, "reference")
	if err != nil {
		panic(err) // it is embedded
	}
	r.Get("/docs", asset(own, "index.html", referencePolicy))
	r.Get("/docs/", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "../docs", http.StatusMovedPermanently)
	})
	r.Get("/docs/reference.js", asset(own, "reference.js", referencePolicy))
	for _, name := range referenceAssets {
		r.Get("/docs/"+name, asset(static.FS, name, referencePolicy))
	}
}
