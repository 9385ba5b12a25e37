// The hash of the URL names a section of this page, so the viewer must leave it alone.
window.SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#viewer",
  deepLinking: false,
  defaultModelsExpandDepth: 0,
  docExpansion: "list",
});
