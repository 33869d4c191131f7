/** What the parts of the pipeline call what they share: topics, the group, the table. */
export const EVENTS_TOPIC = 'events';
export const DEAD_LETTER_TOPIC = 'events-dlq';
export const CONSUMER_GROUP = 'event-consumer';
export const EVENTS_TABLE = 'analytics.events';
