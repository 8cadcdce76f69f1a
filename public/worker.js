// The extraction Worker runs the page's own WebAssembly module; the page hands it over compiled, so nothing is fetched twice.
onmessage = async ({ data: { js, module } }) => {
  const glue = await import(js);
  await glue.default({ module_or_path: module });
  glue.worker_main();
};
