/** Sample data: what such an app's storage looks like after a year, leftovers included. */

import { write } from "./shelf.js";

const NOTES = [
  ["Reading list", "The Overstory, Piranesi, A Field Guide to Getting Lost. Ask Mina for the one about lighthouses."],
  ["Sourdough, third try", "75 % water, 20 g starter, one night in the cold. The crust sings when it cools."],
  ["Trip to the coast", "Train at 9:12, change in Halle. Bring the good thermos and the bad umbrella."],
  ["Ideas for the talk", "Start with the broken migration. Everyone has one. Then the one that went unnoticed."],
  ["Garden", "Beans after the 15th. The rosemary survived — move it to the south wall."],
  ["Words I like", "petrichor, Feierabend, saudade, 木漏れ日, naïve, façade 🌿"],
  ["Measurements", "Shelf 83.5 × 31 cm, hallway wall 212 cm. Screws: 4 × 40."],
  ["Call with Ada", "She likes the second draft better. Deadline moved to the 28th."],
];
const TODOS = [
  "Water the plants", "Return library books", "Renew passport", "Fix the bicycle light", "Write to grandmother",
  "Back up the photos", "Buy oat milk", "Book the dentist", "Descale the kettle", "Plan the birthday",
  "Send the invoice", "Cancel the gym", "Find the other glove", "Order coffee", "Sharpen the knives",
];
const DAY = 86_400_000;

export function fill() {
  notes(24);
  todos(60);
  leftovers();
}

/** Enough to watch it travel: some 5,000 entries. */
export function fillALot() {
  notes(2_000);
  todos(3_000);
  leftovers();
}

function notes(count) {
  for (let n = 0; n < count; n += 1) {
    const [title, body] = NOTES[n % NOTES.length];
    const again = Math.floor(n / NOTES.length);
    const note = { title: again ? `${title} ${again + 1}` : title, body: `${body} `.repeat(1 + (n % 3)).trim(), created: daysAgo(n) };
    if (!write(`note:sample-${n}`, n % 11 === 0 ? { ...note, pinned: true } : note)) return;
  }
}

function todos(count) {
  for (let n = 0; n < count; n += 1) {
    const todo = { text: TODOS[n % TODOS.length], done: n % 3 === 2, created: daysAgo(n / 2) };
    if (!write(`todo:sample-${n}`, todo)) return;
  }
}

/** What real apps leave behind: a sign-in, a picture, numbers, flags, JSON inside JSON. */
function leftovers() {
  write("settings", { theme: "auto", showDone: true, weekStart: 1 });
  const plain = {
    auth_token: pretendToken(),
    draft: "Dear neighbours, about the",
    visits: "42",
    onboarding_done: "true",
    last_opened: new Date().toISOString(),
    device_id: "8f14e45f-ceea-467f-a83c-4a1d5d2b7c11",
    feature_flags: JSON.stringify(JSON.stringify({ editor: "v2", beta: false })),
    "profile:avatar": avatar(),
  };
  for (const [key, value] of Object.entries(plain)) localStorage.setItem(key, value);
}

/** Looks like a sign-in token and opens nothing. */
function pretendToken() {
  const part = (value) => btoa(JSON.stringify(value)).replace(/=+$/, "").replace(/\+/g, "-").replace(/\//g, "_");
  return [part({ alg: "HS256", typ: "JWT" }), part({ sub: "sample", name: "Nobody in particular" }), "c2lnbmF0dXJl"].join(".");
}

function avatar() {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 96;
  const pen = canvas.getContext("2d");
  const sky = pen.createLinearGradient(0, 0, 0, 96);
  sky.addColorStop(0, "#fbbf77");
  sky.addColorStop(1, "#0f766e");
  pen.fillStyle = sky;
  pen.fillRect(0, 0, 96, 96);
  pen.fillStyle = "#fff7e6";
  pen.beginPath();
  pen.arc(62, 36, 13, 0, Math.PI * 2);
  pen.fill();
  pen.fillStyle = "#134e4a";
  pen.beginPath();
  pen.moveTo(0, 96);
  pen.lineTo(34, 46);
  pen.lineTo(58, 76);
  pen.lineTo(72, 60);
  pen.lineTo(96, 96);
  pen.fill();
  return canvas.toDataURL("image/png");
}

function daysAgo(days) {
  return new Date(Date.now() - days * DAY).toISOString();
}
