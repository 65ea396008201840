// `node --import other-version.mjs app.mjs` runs the msal-node quick start with another version of
// its library: the one that MSAL_NODE names, of end2end/node_modules.
import { register } from "node:module";

const hooks = `
    const other = ${JSON.stringify(import.meta.resolve(process.env.MSAL_NODE))};
    export const resolve = (name, context, next) =>
        name === "@azure/msal-node" ? { url: other, shortCircuit: true } : next(name, context);
`;
register(`data:text/javascript,${encodeURIComponent(hooks)}`);
