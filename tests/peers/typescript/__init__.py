"""What TypeScript applications ask a gateway with: openapi-typescript, openapi-fetch, and the compiler that checks both."""
