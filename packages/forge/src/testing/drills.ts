/** Whether tests that take minutes are wanted too: `npm run test:drills`. */
export const drills = process.env.FORGE_DRILLS !== undefined;
