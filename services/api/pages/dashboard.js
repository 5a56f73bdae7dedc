// Keeps the dashboard live: server-sent events for the run that is shown, a look at the list now and then.
// Everything from the server is written as text, never as markup.
"use strict";

const ENDED = ["finished", "failed", "cancelled", "stopped"];
const LIST_EVERY_MS = 3000;
const EVENTS_SHOWN = 200;
const run = document.body.dataset.run;
const byId = (id) => document.getElementById(id);
let source = null;
let newest = 0;

function element(tag, classes, text) {
  const made = document.createElement(tag);
  if (classes) made.className = classes;
  if (text !== undefined) made.textContent = text;
  return made;
}

function bar(parts, total, classes) {
  const made = element("div", `bar ${classes || ""}`);
  for (const [name, count, title] of parts) {
    if (!count) continue;
    const part = element("span", name);
    part.style.width = `${(100 * count) / Math.max(total, 1)}%`;
    part.title = title || `${name}: ${count}`;
    made.append(part);
  }
  return made;
}

function stepRow(step) {
  const row = element("div", "row");
  const parts = [["done", step.done, `done: ${step.done}`], ["flying", step.in_flight, `in flight: ${step.in_flight}`], ["dead", step.dead, `failed for good: ${step.dead}`]];
  const counts = [`${step.done} of ${step.total}`];
  if (step.in_flight) counts.push(`${step.in_flight} in flight`);
  if (step.dead) counts.push(`${step.dead} failed for good`);
  row.append(element("span", "", step.kind), bar(parts, step.total), element("small", "", counts.join(", ")));
  return row;
}

function trainingRow(job) {
  const row = element("div", "row");
  const loss = job.loss === null ? "" : `, loss ${job.loss.toFixed(3)}`;
  row.append(element("span", "muted", `– ${job.role}`), bar([["done", job.step]], job.steps), element("small", "", `step ${job.step} of ${job.steps}${loss}`));
  return row;
}

function outcomes(counts) {
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const entries = Object.entries(counts).sort((a, b) => b[1] - a[1]);
  const named = entries.map(([name, count]) => [`o-${name.replaceAll("_", "-")}`, count, `${name.replaceAll("_", " ")}: ${count}`]);
  const legend = element("div", "legend");
  for (const [style, , title] of named) {
    const item = element("span");
    item.append(element("i", style), title);
    legend.append(item);
  }
  const made = element("div");
  made.append(bar(named, total, "tall"), legend);
  return made;
}

function table(heads, rows) {
  const made = element("table");
  const head = element("tr");
  for (const name of heads) head.append(element("th", "", name));
  made.append(element("thead"), element("tbody"));
  made.firstChild.append(head);
  for (const cells of rows) {
    const row = element("tr");
    cells.forEach((cell, place) => row.append(element(place ? "td" : "th", "", cell)));
    made.lastChild.append(row);
  }
  const around = element("div", "scroll");
  around.tabIndex = 0;
  around.append(made);
  return around;
}

function benchmarksCard(progress) {
  const iterations = [...new Set(progress.scores.map((each) => each.iteration))].sort((a, b) => a - b);
  const scores = new Map();
  for (const each of progress.scores) {
    const name = `${each.benchmark.replace(":", " by ")} · ${each.score.replaceAll("_", " ")}`;
    if (!scores.has(name)) scores.set(name, new Map());
    scores.get(name).set(each.iteration, each.value.toFixed(1));
  }
  const made = element("section", "card");
  const rows = [...scores].map(([name, values]) => [name, ...iterations.map((index) => values.get(index) ?? "–")]);
  made.append(element("h3", "", "Benchmarks"), table(["percent; csl counts levels", ...iterations.map((index) => nameOf(index, progress))], rows));
  return made;
}

function auditCard(progress) {
  const share = (value) => (value === null ? "–" : (100 * value).toFixed(1));
  const points = (value) => `${value > 0 ? "+" : ""}${(100 * value).toFixed(1)}`;
  const made = element("section", "card");
  const heads = ["percent of audited texts", "prompts", "accepted", "by rules", "gap, points", "95%", "false accepts", "false rejects"];
  const rows = progress.audits.map((each) => [
    `${nameOf(each.iteration, progress)}, ${each.source}`, each.prompts, share(each.accepted), share(each.followed),
    `${points(each.gap)}${each.alarm ? ", alarm" : ""}`, `${points(each.gap_low)} to ${points(each.gap_high)}`, share(each.false_accept), share(each.false_reject),
  ]);
  made.append(element("h3", "", "Audit of the judge"), table(heads, rows));
  progress.audits.forEach((each, place) => { if (each.alarm) made.querySelectorAll("tbody tr")[place].className = "alarm"; });
  return made;
}

function burnRow(burn) {
  const digits = ["hours", "money"].includes(burn.name) ? 2 : 0;
  const format = (value) => value.toLocaleString(undefined, { maximumFractionDigits: digits });
  const row = element("div", "row");
  const of = burn.cap === null ? "" : ` of ${format(burn.cap)}`;
  const estimated = burn.estimated ? " (partly estimated: no usage reported)" : "";
  // Without a cap there is nothing to be full of: no bar.
  const full = burn.cap === null ? element("span") : bar([[burn.spent < burn.cap ? "done" : "dead", Math.min(burn.spent, burn.cap)]], burn.cap);
  row.append(element("span", "", burn.name), full, element("small", "", format(burn.spent) + of + estimated));
  return row;
}

function spentCard(burns) {
  const made = element("section", "card");
  made.append(element("h3", "", "Spent"));
  for (const burn of burns) made.append(burnRow(burn));
  return made;
}

function nameOf(iteration, progress) {
  if (iteration > 0) return `Iteration ${iteration}`;
  if (iteration < 0) return iteration === -1 ? "Init actor" : "Backbone";
  return progress.steps.some((step) => step.iteration < 0) ? "Init refiner, start" : "Start";
}

function placeOf(run) {
  if (!run.initialising) return `iteration ${run.iteration} of ${run.iterations}`;
  return run.iteration < 0 ? "init actor" : "init refiner";
}

function card(iteration, progress, counts) {
  const made = element("section", "card");
  made.append(element("h3", "", nameOf(iteration, progress)));
  for (const step of progress.steps.filter((each) => each.iteration === iteration)) {
    made.append(stepRow(step));
    if (step.kind === "training") for (const job of progress.trainings.filter((each) => each.iteration === iteration)) made.append(trainingRow(job));
  }
  if (counts) made.append(outcomes(counts));
  return made;
}

function show(detail) {
  const progress = detail.progress;
  const state = byId("state");
  state.replaceChildren(element("span", `status ${progress.status}`, progress.status), ` ${placeOf(progress)}`);
  byId("reason").hidden = !progress.reason;
  byId("reason").textContent = progress.reason || "";
  byId("next").hidden = !detail.next_step;
  byId("next").textContent = detail.next_step || "";
  byId("alarms").replaceChildren(...progress.alarms.map((alarm) => element("p", "wrong", `Alarm: ${alarm}`)));
  const begun = [...new Set(progress.steps.map((step) => step.iteration))].sort((a, b) => b - a);
  const spent = progress.burn.filter((burn) => burn.spent || burn.cap !== null);
  const whole = [];
  if (spent.length) whole.push(spentCard(spent));
  if (progress.audits.length) whole.push(auditCard(progress));
  if (progress.scores.length) whole.push(benchmarksCard(progress));
  byId("iterations").replaceChildren(...whole, ...begun.map((index) => card(index, progress, detail.outcomes[index])));
}

function tell(event) {
  const line = element("li");
  const fields = Object.entries(event.fields).filter(([, value]) => value !== null).map(([name, value]) => `${name}=${value}`);
  line.append(element("time", "", new Date(event.at).toLocaleTimeString()), `${event.name.replaceAll("_", " ")} ${fields.join(" ")}`);
  const list = byId("events");
  list.prepend(line);
  while (list.children.length > EVENTS_SHOWN) list.lastChild.remove();
}

function follow() {
  source = new EventSource(`/runs/${encodeURIComponent(run)}/events`);
  source.onopen = () => { byId("connection").textContent = "live"; };
  source.onerror = () => { byId("connection").textContent = "connection lost, trying again …"; };
  source.addEventListener("happened", (message) => {
    const event = JSON.parse(message.data);
    if (event.id <= newest) return;
    newest = event.id;
    tell(event);
  });
  source.addEventListener("progress", (message) => show(JSON.parse(message.data)));
  source.addEventListener("ended", () => {
    source.close();
    source = null;
    byId("connection").textContent = "";
    refresh();
  });
}

function listItem(each) {
  const link = element("a");
  link.href = `/?run=${encodeURIComponent(each.run_id)}`;
  if (each.run_id === run) link.setAttribute("aria-current", "page");
  link.append(element("b", "", each.run_id), " ", element("span", `status ${each.status}`, each.status), " ", element("small", "", placeOf(each)));
  const item = element("li");
  item.append(link);
  return item;
}

async function refresh() {
  if (document.hidden) return;
  const answer = await fetch("/runs").catch(() => null);
  if (answer === null) { byId("connection").textContent = "the API cannot be reached"; return; }
  if (answer.status === 401) { location.href = "/login"; return; }
  if (!answer.ok) return;
  const runs = await answer.json();
  if (!runs.length) return;
  if (!run) { location.reload(); return; }
  byId("runs").replaceChildren(...runs.map(listItem));
  const mine = runs.find((each) => each.run_id === run);
  if (mine && !ENDED.includes(mine.status) && source === null) follow(); // it goes on
}

if (run) follow();
setInterval(refresh, LIST_EVERY_MS);
