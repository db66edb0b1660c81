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

// referencePath is where the reference of REST is; what it begins with are its assets.
const referencePath = "/docs"

// referencePolicy lets the page load and ask nothing of another host. Swagger UI
// styles its elements one by one, and has images in its style sheet.
const referencePolicy = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// serveReference serves a page that shows openapi.yaml. Its paths are relative, so
// that it works below the prefix of a proxy too.
func serveReference(r chi.Router) error {
	own, err := fs.Sub(reference, "reference")
	if err != nil {
		return err
	}
	for _, page := range []struct {
		route, name string
		files       fs.FS
	}{
		{referencePath, "index.html", own},
		{referencePath + "/reference.js", "reference.js", own},
		{referencePath + "/swagger-ui.css", "swagger-ui.css", static.FS},
		{referencePath + "/swagger-ui-bundle.js", "swagger-ui-bundle.js", static.FS},
		{referencePath + "/favicon-32x32.png", "favicon-32x32.png", static.FS},
	} {
		a, err := readAsset(page.files, page.name, referencePolicy)
		if err != nil {
			return err
		}
		r.Method(http.MethodGet, page.route, a)
	}
	r.Get(referencePath+"/", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, ".."+referencePath, http.StatusMovedPermanently)
	})
	return nil
}
