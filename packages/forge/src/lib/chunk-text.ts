/** How a chunk is embedded, searched and shown to a cross-encoder: what it is about first. */
export const chunkText = ({ title, text }: { readonly title: string; readonly text: string }) =>
  title === '' ? text : `${title}\n${text}`;
