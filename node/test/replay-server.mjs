// A loopback server that answers as a model provider would: with the payloads of an exchange of
// tests/codecs/exchanges, as JSON or, where the request asks for a stream, as server-sent events.

import { createServer } from "node:http";
import { once } from "node:events";
import { text } from "node:stream/consumers";

/** Bytes of a piece, so that no event and no character comes whole. */
const PIECE_SIZE = 1000;

/** The events of a stream as their provider writes them. */
function framed(provider, chunks) {
  const frames = chunks.map((chunk) => {
    const type = "type" in chunk ? `event: ${chunk.type}\n` : "";
    return `${type}data: ${JSON.stringify(chunk)}\n\n`;
  });
  if (provider === "openai_chat") frames.push("data: [DONE]\n\n");
  return frames.join("");
}

/**
 * Plays what `play` was given last; `asked` has the bodies that came since.
 *
 * @returns The server, which has to be closed.
 */
export async function startReplayServer() {
  const asked = [];
  let playing;
  const server = createServer(async (request, response) => {
    const body = JSON.parse(await text(request));
    asked.push(body);
    const { provider, exchange } = playing;
    const isStream = body.stream === true || request.url.includes("streamGenerateContent");
    const kind = isStream ? "text/event-stream" : "application/json";
    const said = isStream ? framed(provider, exchange.chunks) : JSON.stringify(exchange.response);
    const content = Buffer.from(said);
    response.writeHead(200, { "content-type": kind, "content-length": content.length });
    for (let at = 0; at < content.length; at += PIECE_SIZE) {
      response.write(content.subarray(at, at + PIECE_SIZE));
    }
    response.end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    asked,
    play(provider, exchange) {
      playing = { provider, exchange };
      asked.length = 0;
    },
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
