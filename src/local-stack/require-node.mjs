// Loaded before anything else, in plain JavaScript: an older Node cannot even read the TypeScript of the commands.
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < 22 || (major === 22 && minor < 19)) {
  console.error(
    `Node ${process.versions.node} is too old: this needs Node 24. npm brings it as the package "node"; ` +
      "run npm ci (without --ignore-scripts and --omit=dev) and use the npm scripts, or install Node 24.",
  );
  process.exit(1);
}
