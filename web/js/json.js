// JSON without loss: numbers that a double cannot hold keep their digits, where
// the browser knows how (JSON.rawJSON).

const exact = (_, value, context) => {
  if (typeof value !== 'number' || !context?.source || !JSON.rawJSON) return value;
  return String(value) === context.source ? value : JSON.rawJSON(context.source);
};

/** What may hold a number that a double cannot: many digits in a row, or a large exponent. Without, parsing takes a fraction of the time. */
const suspect = /[0-9]{16}|[0-9][eE][+-]?[0-9]{3}|\.[0-9]{15}/;

/** @param {string} text */
export const parseExact = (text) => (suspect.test(text) ? JSON.parse(text, exact) : JSON.parse(text));

export const pretty = (value) => JSON.stringify(value, null, 2);

/** One line of at most `limit` characters. */
export function brief(value, limit = 120) {
  const text = JSON.stringify(value) ?? '';
  return text.length > limit ? `${text.slice(0, limit)}…` : text;
}

/**
 * What is wrong with a text that shall be JSON; null when it is.
 * @param {string} text
 */
export function jsonFault(text) {
  try {
    JSON.parse(text);
    return null;
  } catch (err) {
    return `This is not JSON: ${err.message}`;
  }
}
