// Hands the controls' values from the first picture to the second, and writes the numbers and the text.
(async () => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const at = (id) => document.getElementById(id);
  const whole = (x) => x.toLocaleString("en-GB");
  const [curve, steps] = data.specs;
  for (const spec of data.specs) spec.params.find((p) => p.name === "grid").value = data.grid;
  const options = { actions: false, renderer: "svg", tooltip: true };
  const first = (await vegaEmbed("#curve", curve, { ...options, bind: "#controls" })).view;
  const second = (await vegaEmbed("#steps", steps, options)).view;
  const signal = (name) => first.signal(name);

  // Vega makes the controls, in the order of their names here.
  const boxes = Object.fromEntries(
    [...document.querySelectorAll("#controls .vega-bind")].map((box, i) => [data.controls[i], box]),
  );
  for (const box of Object.values(boxes)) {
    const value = box.querySelector("label > span:last-child");
    if (box.querySelector("input")) value.classList.add("shown");
  }

  function limits(question) {
    const [host, endpoint] = question.split(" ");
    for (const name of ["shannon", "panel", "composition"]) boxes["effect_" + name].hidden = name !== endpoint;
    for (const name of ["baseline", "follow_up", "cage", "dropout", "power"]) {
      const [low, step, count] = data.grid[question].axes[name];
      boxes[name].hidden = count === 1;
      if (count === 1) continue;
      Object.assign(boxes[name].querySelector("input"), { min: low, max: low + step * (count - 1), step });
      if (signal(name) !== signal("s_" + name)) first.signal(name, signal("s_" + name));
    }
    at("limits").hidden = endpoint !== "composition";
    at("box-cages").hidden = host !== "mice";
  }

  function filled(question, values) {
    const words = data.words[question];
    const text = words.paragraphs.join("\n\n");
    for (const [name, control] of Object.entries(data.looked_up)) values[name] = words[name][signal("i_" + control)];
    const fill = (from) => from.replace(/\{(\w+)\}/g, (_, name) => values[name]);
    return fill(fill(text)); // what is filled in may have places of its own
  }

  async function write() {
    const question = signal("host") + " " + signal("endpoint");
    limits(question);
    first.run();
    const block = data.grid[question], cell = signal("cell"), of = (list) => (block[list] ? block[list][cell] : 0);
    const simulated = "se" in block, n = signal("n"), dropout = signal("s_dropout");
    const share = (thousandths) => (thousandths / 1000).toFixed(3);
    const values = {
      n: whole(n), total: whole(signal("total")), cages: whole(signal("cages")), stools: whole(signal("stools")),
      reads: whole(signal("reads")), analysed: whole(Math.floor(n * (1 - dropout / 100) + 1e-9)),
      low: whole(of("low")), high: whole(of("high")),
      reached: share(of("reached")), se: share(of("se")),
      type_i: simulated ? share(of("type_i")) : data.alpha, type_i_se: share(of("type_i_se")),
      dropout_share: String(dropout / 100), asked_share: String(signal("s_power") / 100), asked: String(signal("s_power")),
    };
    for (const name of ["effect", "baseline", "follow_up", "cage", "dropout"]) {
      values[name] = String(Number(signal("s_" + name).toPrecision(6)));
    }
    for (const name of data.figures) at("shown-" + name).textContent = values[name];
    at("shown-reached").textContent += simulated ? " ± " + values.se : "";
    at("shown-type_i").textContent += simulated ? " ± " + values.type_i_se : "";
    at("answer").textContent = (data.answer + (simulated ? data.roughly : "")).replace(/\{(\w+)\}/g, (_, name) => values[name] ?? signal(name));
    at("protocol").textContent = filled(question, values);
    at("copied").textContent = "";
    const points = Array.from({ length: block.points }, (_, i) => signal("row") * block.points + i);
    const rows = points.map((i) =>
      block.curve_n ? [block.curve_n[i], block.curve_power[i] / 1000, block.curve_se[i] / 1000]
                    : [block.n[i], block.reached[i] / 1000, 0]);
    const lines = new Set(rows.filter((row) => row[0]).map((row) => row.join(","))); // one number may do for two powers
    const table = ["n_per_arm,power,power_se", ...lines];
    at("csv").href = "data:text/csv;charset=utf-8," + encodeURIComponent(table.join("\n") + "\n");
    for (const name of data.controls) second.signal(name, signal(name));
    await second.runAsync();
    document.body.dataset.shown = data.controls.map(signal).join(" ");
  }

  for (const name of data.controls) first.addSignalListener(name, () => first.runAfter(write));
  await write();

  at("copy").addEventListener("click", async () => {
    const box = at("protocol");
    try {
      await navigator.clipboard.writeText(box.textContent);
    } catch {
      getSelection().selectAllChildren(box); // an old browser, or one that refuses: by way of the selection
      document.execCommand("copy");
    }
    at("copied").textContent = "Copied.";
  });
})();
