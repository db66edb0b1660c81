// Shows openapi.yaml, from which the service itself is made. Keys that are entered
// stay in the page, and nothing is asked of another host.
SwaggerUIBundle({
  dom_id: "#reference",
  url: "openapi.yaml",
  deepLinking: true,
  displayRequestDuration: true,
  docExpansion: "list",
  filter: true,
  defaultModelsExpandDepth: 0,
  validatorUrl: null,
});
