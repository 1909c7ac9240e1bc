#!/usr/bin/env node
// Turns of an agent, as people write them, become the scripted model's steps (tests/fakes/llm.mjs).
//
//   node turns_to_steps.mjs TURNS.txt PROJECT     prints the steps as JSON
//
// A line "=== shell" opens a turn whose lines bash executes, "=== write PATH" one whose lines the
// agent writes to a file of the project with its own tool. A shell turn that succeeded leaves a
// line in ~/turns, so that a turn that failed is missed.
import { readFileSync } from 'node:fs';

const [turnsPath, project] = process.argv.slice(2);
const steps = [];
for (const turn of readFileSync(turnsPath, 'utf8').split(/^=== /m).slice(1)) {
  const end = turn.indexOf('\n');
  const [kind, path] = turn.slice(0, end).split(' ');
  const text = turn.slice(end + 1);
  if (kind === 'shell') {
    steps.push({ shell: `bash -eu /dev/fd/3 3<<'TURN' </dev/null && echo shell >>~/turns\n${text}TURN\n` });
  } else if (kind === 'write') {
    steps.push({ write: { path: `${project}/${path}`, content: text } });
  } else {
    throw new Error(`${turnsPath}: a turn is shell or write, not '${kind}'`);
  }
}
if (steps.length !== 10) throw new Error(`${turnsPath}: ${steps.length} turns, not ten`);
console.log(JSON.stringify([...steps, { say: 'SCRIPT-DONE' }]));
