/** What the operator can mend about a command: printed as one line, exit code 2. */
export class UsageError extends Error {}
