/** Kafka as an image: one program that is broker and controller (KRaft), set up by its first start from its environment. */
import type { Recipe } from './rootfs.ts';

const JAVA = '/usr/lib/jvm';
const KAFKA = '/usr/share/kafka';

/**
 * Short session timeout: a broker that was killed is refused under its own id until its old session is over. Topics are made by whoever
 * needs them, never by a misspelt name. Half-made folders are thrown away: only a whole one gets its final name. No shell stays: the
 * broker is the container's first process and gets its signals.
 */
const START = `#!/bin/sh
set -eu
: "\${ADVERTISED:?host:port that clients reach this broker at}"
case "$ADVERTISED" in
  *[!a-zA-Z0-9.:-]* | :* | *: | *:*:*) echo "ADVERTISED is $ADVERTISED, not host:port; is its Service there?" >&2; exit 1 ;;
  *:*) ;;
  *) echo "ADVERTISED is $ADVERTISED, not host:port" >&2; exit 1 ;;
esac
id=\${NODE_ID:-1}
quorum=\${QUORUM:-$id@127.0.0.1:9093}
replicas=\${REPLICATION:-1}
case ",$quorum" in
  *",$id@"*) roles=broker,controller listeners=PLAINTEXT://:9092,CONTROLLER://:9093 ;;
  *) roles=broker listeners=PLAINTEXT://:9092 ;;
esac
settings() {
  cat <<END
process.roles=$roles
node.id=$id
listeners=$listeners
advertised.listeners=PLAINTEXT://$ADVERTISED
controller.quorum.voters=$quorum
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs=$1
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
default.replication.factor=$replicas
min.insync.replicas=\${MIN_ISR:-1}
offsets.topic.replication.factor=$replicas
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=$replicas
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=2
share.coordinator.state.topic.replication.factor=$replicas
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
log.retention.bytes=2147483648
log.segment.bytes=268435456
END
}
if [ ! -e "$KAFKA_DATA" ]; then
  rm -rf "$KAFKA_DATA.new"
  settings "$KAFKA_DATA.new" > "$KAFKA_DATA.properties"
  java -Xmx128m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:-UsePerfData -cp '${KAFKA}/lib/*' \\
    kafka.tools.StorageTool format -t proofloadproofloadprog -c "$KAFKA_DATA.properties"
  mv "$KAFKA_DATA.new" "$KAFKA_DATA"
fi
settings "$KAFKA_DATA" > "$KAFKA_DATA.properties"
exec java -Xms256m -Xmx384m -XX:+UseSerialGC -XX:-UsePerfData -Dlog4j2.configurationFile=${KAFKA}/log4j2.properties \\
  -cp '${KAFKA}/lib/*' kafka.Kafka "$KAFKA_DATA.properties"
`;

/** Registration and start at info, as evidence of what a killed broker waited for. */
const LOG = `rootLogger.level=warn
rootLogger.appenderRef.console.ref=CONSOLE
appender.console.type=Console
appender.console.name=CONSOLE
appender.console.layout.type=PatternLayout
appender.console.layout.pattern=%d{ISO8601} %p %c{1} %m%n
logger.server.name=kafka.server
logger.server.level=info
`;

/** Of Java's own libraries: those of the desktop would bring the window system. */
const DESKTOP = /^lib\/lib(awt|splashscreen|fontmanager|mlib_image|lcms|javajpeg|jsound|jawt)/;

/** `jars` and `java` are the folders of platforms/images/kafka-parts.ts. The tag is Kafka's major version. */
export function kafkaRecipe({ jars, java }: { jars: string; java: string }): Recipe {
  return {
    name: 'docker.io/library/proofload-kafka:4',
    files: [
      { kind: 'shell' },
      {
        kind: 'tree',
        from: java,
        at: JAVA,
        programs: ['bin/java', 'lib/server/libjvm.so'],
        takes: (file) => !DESKTOP.test(file),
      },
      { kind: 'tree', from: jars, at: `${KAFKA}/lib`, programs: [], takes: () => true },
      { kind: 'text', text: START, at: '/bin/start-kafka', mode: 0o755 },
      { kind: 'text', text: LOG, at: `${KAFKA}/log4j2.properties` },
      { kind: 'folder', at: '/var/lib/kafka', mode: 0o1777 },
    ],
    entrypoint: ['/bin/start-kafka'],
    env: { PATH: `${JAVA}/bin:/usr/bin:/bin`, KAFKA_DATA: '/var/lib/kafka/data', LC_ALL: 'C', TZ: 'UTC' },
    user: 1001,
  };
}
