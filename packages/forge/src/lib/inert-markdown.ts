/**
 * Markdown in which no tag, link, picture or reference is left: what stands in a report was partly written by a model, a data set or
 * whoever sent the experiment, and a picture's address alone tells its server who reads. Text looks as before; `p < 0.001` and
 * intervals in brackets stay.
 */
export const inertMarkdown = (text: string): string =>
  text
    .replace(/<(?=[A-Za-z/!?])/g, '&lt;')
    .replace(/&(?=#)/g, '&amp;')
    .replace(/\](?=\s*[([:])/g, '\\]');
