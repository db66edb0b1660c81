// Package web is the dashboard: a page, its style sheets and its ES modules, as
// the browser gets them. There is no build step. It imports the standard library.
package web

import (
	"embed"
	"io/fs"
)

//go:embed index.html css js vendor/*.js
var files embed.FS

// Files are the dashboard's: index.html, and the assets that it asks for by the
// same paths below /dashboard/.
func Files() fs.FS { return files }
