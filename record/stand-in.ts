/** In every answer of a store that stands in for a server (platforms/stores/clickhouse): the engine that it runs. A real server never sends it. */
export const STAND_IN_HEADER = 'x-proofload-engine';
