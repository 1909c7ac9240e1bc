#!/usr/bin/env node
// A language model that follows a script: it serves real coding agents so that tests see the same
// session every time. Node alone, no packages.
//
//   node llm.mjs SCRIPT.json LOG.jsonl     prints "listening PORT" once it serves 127.0.0.1:PORT
//                                          and serves until its standard input ends
//
// SCRIPT.json is a list of steps, taken one for each turn of the agent:
//   {"shell": COMMAND}                       the agent is asked to execute a command
//   {"write": {"path": P, "content": C}}     the agent is asked to write a file with its own tool
//   {"say": TEXT}                            the agent is told that it is done
// It speaks Anthropic Messages (POST /v1/messages), OpenAI Responses (POST /v1/responses), OpenAI
// Chat Completions (POST /v1/chat/completions) and Gemini (POST
// /v1beta/models/MODEL:streamGenerateContent), all of them streaming. The server keeps no session: which step comes next follows from the number of tool
// results in the request, so a repeated request gets the same answer. LOG.jsonl holds a line for
// each request: {"path", "key", "step"}; what is not a turn (a title, a probe) has step null.
import { appendFileSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';

const [scriptPath, logPath] = process.argv.slice(2);
const steps = JSON.parse(readFileSync(scriptPath, 'utf8'));
const usage = { input_tokens: 1200, output_tokens: 40 };

const named = (event, data) => `event: ${event}\ndata: ${JSON.stringify({ type: event, ...data })}\n\n`;
const unnamed = (data) => `data: ${JSON.stringify(data)}\n\n`;

// One object for each dialect: how a request is read and how an answer is streamed.
const anthropic = {
  toolNames: (body) => (body.tools ?? []).map((tool) => tool.name),
  results: (body) =>
    body.messages
      .flatMap((message) => (Array.isArray(message.content) ? message.content : []))
      .filter((block) => block.type === 'tool_result').length,
  *stream(body, { text, call }) {
    const message = {
      id: 'msg_scripted', type: 'message', role: 'assistant', model: body.model, content: [],
      stop_reason: null, stop_sequence: null, usage: { ...usage, output_tokens: 1 },
    };
    yield named('message_start', { message });
    const block = call
      ? { type: 'tool_use', id: call.id, name: call.name, input: {} }
      : { type: 'text', text: '' };
    yield named('content_block_start', { index: 0, content_block: block });
    yield named('content_block_delta', {
      index: 0,
      delta: call
        ? { type: 'input_json_delta', partial_json: JSON.stringify(call.input) }
        : { type: 'text_delta', text },
    });
    yield named('content_block_stop', { index: 0 });
    yield named('message_delta', {
      delta: { stop_reason: call ? 'tool_use' : 'end_turn', stop_sequence: null }, usage,
    });
    yield named('message_stop', {});
  },
};

const responses = {
  toolNames: (body) => (body.tools ?? []).map((tool) => tool.name ?? tool.type),
  results: (body) =>
    (Array.isArray(body.input) ? body.input : [])
      .filter((item) => /^(function|custom_tool)_call_output$/.test(item.type)).length,
  *stream(body, { text, call }) {
    const id = 'resp_scripted';
    const item = call
      ? { type: 'function_call', id: 'fc_' + call.id, call_id: call.id, name: call.name,
          arguments: JSON.stringify(call.input), status: 'completed' }
      : { type: 'message', id: 'msg_scripted', role: 'assistant', status: 'completed',
          content: [{ type: 'output_text', text, annotations: [] }] };
    yield named('response.created', { response: { id, status: 'in_progress', output: [] } });
    yield named('response.output_item.added', { output_index: 0, item: { ...item, status: 'in_progress' } });
    yield named('response.output_item.done', { output_index: 0, item });
    yield named('response.completed', {
      response: {
        id, status: 'completed', model: body.model, output: [item],
        usage: { ...usage, total_tokens: usage.input_tokens + usage.output_tokens },
      },
    });
  },
};

const completions = {
  toolNames: (body) => (body.tools ?? []).map((tool) => tool.function?.name),
  results: (body) => body.messages.filter((message) => message.role === 'tool').length,
  *stream(body, { text, call }) {
    const chunk = (delta, finish_reason) => ({
      id: 'chatcmpl_scripted', object: 'chat.completion.chunk', created: 0, model: body.model,
      choices: [{ index: 0, delta, finish_reason }],
    });
    const said = call
      ? { tool_calls: [{ index: 0, id: call.id, type: 'function',
          function: { name: call.name, arguments: JSON.stringify(call.input) } }] }
      : { content: text };
    yield unnamed(chunk({ role: 'assistant', ...said }, null));
    const { input_tokens: prompt_tokens, output_tokens: completion_tokens } = usage;
    yield unnamed({
      ...chunk({}, call ? 'tool_calls' : 'stop'),
      usage: { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens },
    });
    yield 'data: [DONE]\n\n';
  },
};

const gemini = {
  toolNames: (body) =>
    (body.tools ?? []).flatMap((tool) => tool.functionDeclarations ?? []).map((tool) => tool.name),
  results: (body) =>
    body.contents.flatMap((content) => content.parts ?? [])
      .filter((part) => part.functionResponse).length,
  *stream(body, { text, call }) {
    const part = call ? { functionCall: { name: call.name, args: call.input } } : { text };
    const { input_tokens: promptTokenCount, output_tokens: candidatesTokenCount } = usage;
    yield unnamed({
      candidates: [{ index: 0, content: { role: 'model', parts: [part] }, finishReason: 'STOP' }],
      usageMetadata: {
        promptTokenCount, candidatesTokenCount,
        totalTokenCount: promptTokenCount + candidatesTokenCount,
      },
    });
  },
};

function dialectOf(path) {
  if (/^\/v1beta\/models\/[^/]+:streamGenerateContent$/.test(path)) return gemini;
  return { '/v1/messages': anthropic, '/v1/responses': responses,
    '/v1/chat/completions': completions }[path];
}

// How a step becomes a call of a tool that this agent offered.
const shellTools = {
  Bash: 'command', bash: 'command', exec_command: 'cmd', run_shell_command: 'command',
};
const writeTools = {
  create: ({ path, content }) => ({ path, file_text: content }),
  write_file: ({ path, content }) => ({ file_path: path, content }),
  Write: ({ path, content }) => ({ file_path: path, content }),
  write: ({ path, content }) => ({ path, content }),
};

function toolCall(step, number, offered) {
  const id = `call_${number}`;
  if (step.shell !== undefined) {
    const name = offered.find((tool) => tool in shellTools);
    const input = { [shellTools[name]]: step.shell };
    if (/^bash$/i.test(name)) input.description = 'A step of the script';
    return { id, name, input };
  }
  const name = offered.find((tool) => tool in writeTools);
  if (name) return { id, name, input: writeTools[name](step.write) };
  // An agent without a tool for writing: its shell has a command that applies a patch.
  const patch = ['*** Begin Patch', `*** Add File: ${step.write.path}`,
    ...step.write.content.replace(/\n$/, '').split('\n').map((line) => '+' + line),
    '*** End Patch'].join('\n');
  return toolCall({ shell: `apply_patch <<'PATCH'\n${patch}\nPATCH\n` }, number, offered);
}

function answer(dialect, body) {
  const offered = dialect.toolNames(body);
  // Titles and summaries are asked for without tools.
  if (!offered.some((tool) => tool in shellTools)) return { step: null, reply: { text: 'ok' } };
  const step = Math.min(dialect.results(body), steps.length - 1);
  const { say } = steps[step];
  if (say !== undefined) return { step, reply: { text: say } };
  return { step, reply: { call: toolCall(steps[step], step, offered) } };
}

async function serve(request, response) {
  const path = request.url.split('?')[0];
  const dialect = dialectOf(path);
  const { headers } = request;
  const key = headers['x-api-key'] ?? headers['x-goog-api-key'] ?? headers.authorization ?? null;
  const log = (step) => appendFileSync(logPath, JSON.stringify({ path, key, step }) + '\n');
  const parts = [];
  for await (const part of request) parts.push(part);
  if (request.method !== 'POST' || !dialect) {
    log(null);
    response.writeHead(request.method === 'HEAD' ? 200 : 404).end();
    return;
  }
  const body = JSON.parse(Buffer.concat(parts).toString('utf8'));
  const { step, reply } = answer(dialect, body);
  log(step);
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
  for (const part of dialect.stream(body, reply)) response.write(part);
  response.end();
}

const server = createServer((request, response) => {
  serve(request, response).catch((error) => {
    appendFileSync(logPath, JSON.stringify({ error: String(error.stack) }) + '\n');
    response.destroy();
  });
});
server.listen(0, '127.0.0.1', () => console.log(`listening ${server.address().port}`));
process.stdin.resume().on('end', () => process.exit(0));
