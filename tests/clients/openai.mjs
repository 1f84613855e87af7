// `node openai.mjs ADDRESS KEY`: the openai package lists models, asks, streams and is refused; prints one JSON object.
import OpenAI, { AuthenticationError, BadRequestError, NotFoundError } from "openai";

const [baseURL, apiKey] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
const messages = [{ role: "user", content: "The lease.\n\nThe term is two years.\n\nHow long is the term?" }];

async function refused(ask, kind) {
  try {
    await ask();
  } catch (error) {
    return error instanceof kind ? { code: error.code, param: error.param } : String(error);
  }
  return "answered";
}

const models = [];
for await (const model of client.models.list()) models.push(model.id);
const whole = await client.chat.completions.create({ model: "lease", messages });
const stream = await client.chat.completions.create({
  model: "lease", messages, stream: true, stream_options: { include_usage: true },
});
let streamed = "", usage;
for await (const chunk of stream) {
  streamed += chunk.choices[0]?.delta.content ?? "";
  usage = chunk.usage ?? usage;
}
console.log(JSON.stringify({
  models, whole: whole.choices[0].message.content, verified: whole.retinue.quotes.map((quote) => quote.verified),
  streamed, tokens: usage.completion_tokens,
  unknown: await refused(() => client.chat.completions.create({ model: "no-such", messages }), NotFoundError),
  unsupported: await refused(() => client.chat.completions.create({ model: "lease", messages, stop: ["x"] }), BadRequestError),
  wrongKey: await refused(() => client.withOptions({ apiKey: "wrong" }).models.list(), AuthenticationError),
}));
