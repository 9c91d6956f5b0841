import { play, STEPS } from "./index.js";
import { makeSchedule, shrink } from "./schedule.js";
import { Network } from "./network.js";
const [seed, key, prof] = process.argv.slice(2);
const steps0 = makeSchedule(Number(seed), STEPS);
const steps = process.env.FULL ? steps0 : await shrink(steps0, async (s) => (await play(Number(seed), s)).length > 0);
const original = Network.prototype.fetch;
Network.prototype.fetch = function (tab: any, address: string, init: any) {
  const made = original.call(this, tab, address, init);
  const path = address.replace("https://server.test/api/v1", "");
  const body = typeof init.body === "string" ? init.body : init.body ? Buffer.from(init.body).toString() : "";
  const at = (this as any).world.clock.now;
  if (prof !== undefined && tab.profile.number !== Number(prof)) return made;
  const says = (text: string) => {
    try { const j = JSON.parse(text);
      for (const n of ["ops", "outcomes", "changes", "conflicts"]) if (j[n] && n === "outcomes") return `rev ${j.revision} ` + JSON.stringify(j[n].filter((x: any) => true));
      if (j.ops) return JSON.stringify(j.ops.filter((x: any) => x.line.startsWith(`["${key}"`)));
      if (j.changes) return `until ${j.until} ` + JSON.stringify(j.changes.filter((x: any) => x.line.startsWith(`["${key}"`)));
      return text.slice(0, 300);
    } catch { return text.split("\n").filter((l) => l.includes(key!)).join("|").slice(0, 300); } };
  console.log(`${at} P${tab.profile.number} > ${init.method} ${path} seq ${init.headers["Migration-Seq"] ?? ""} ${says(body)}`);
  return made.then(async (r: any) => { console.log(`${(this as any).world.clock.now} P${tab.profile.number} < ${path} ${r.status} ${says(await r.text())}`); return r; }, (e) => { console.log(`${(this as any).world.clock.now} P${tab.profile.number} < ${path} FAILED`); throw e; });
};
console.log((await play(Number(seed), steps, undefined, console.log)).join("\n"));
process.exit(0);
