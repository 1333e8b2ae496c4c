# The service, with nothing but what it needs to run. `--target dry-run`: what docker-compose.yml needs beside it.
# Renovate pins the digest (renovate.json): what a tag stands for changes, and only a registry can say what it stands for now.
ARG NODE_IMAGE=node:24.21.0-bookworm-slim

FROM ${NODE_IMAGE} AS base
WORKDIR /app
COPY package.json package-lock.json ./

FROM base AS build
# Without their scripts: the development packages bring a Node of their own, which nobody needs in here.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY src src
RUN node node_modules/typescript/bin/tsc -p tsconfig.build.json

FROM base AS dependencies
# Half of what the packages weigh are types and source maps.
RUN npm ci --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund \
  && find node_modules -type f \( -name '*.map' -o -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' \) -delete

# The scripts of the staging dry run: TypeScript, as Node runs it, with the service's own dependencies.
FROM ${NODE_IMAGE} AS dry-run
ENV NODE_ENV=production
WORKDIR /app
COPY --from=dependencies /app/node_modules node_modules
COPY package.json ./
COPY drizzle drizzle
COPY src src
USER 1000:1000

FROM ${NODE_IMAGE} AS service
LABEL org.opencontainers.image.title="sentinel-rollout" \
  org.opencontainers.image.description="Progressive rollout of a sentinel image over a fleet of Kubernetes Deployments" \
  org.opencontainers.image.licenses="Apache-2.0"
ENV NODE_ENV=production
WORKDIR /app
COPY package.json LICENSE ./
COPY --from=dependencies /app/node_modules node_modules
COPY drizzle drizzle
COPY --from=build /app/dist dist
# The image's user `node`, by number: Kubernetes cannot check a name against runAsNonRoot.
USER 1000:1000
EXPOSE 9080 9081
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.HEALTH_PORT || 9081}/healthz`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# Node itself is process 1 and gets the SIGTERM, which the service handles. It writes nothing to the file system.
# How much of the container's memory is for the heap is said beside the limit, in NODE_OPTIONS (docs/sizing.md).
CMD ["node", "--max-semi-space-size=16", "dist/main.js"]
