import java.lang.reflect.Field;
import java.util.Locale;
import java.util.Set;
import org.eclipse.jetty.http.HttpException;
import org.eclipse.jetty.http.HttpFields;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.server.Connector;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import software.amazon.dynamodb.services.local.main.ServerRunner;
import software.amazon.dynamodb.services.local.server.DynamoDBProxyServer;

/**
 * DynamoDB Local for this computer only. It has no option for that: it listens on every address, where anybody in the
 * same network could read the shop's users without a password, and answers every page that a browser here shows.
 * localstack/callers.py says why a foreign Host or Origin is refused, and does the same for the other servers.
 *
 * The compiled classes stand beside these files, because the Java runtime we install has no compiler:
 * javac --release 17 -cp "$LOCAL/DynamoDBLocal.jar:$LOCAL/DynamoDBLocal_lib/*" *.java
 */
public class LoopbackRunner implements HttpConfiguration.Customizer {
    private static final String LOCAL_ORIGIN = "https?://(127\\.0\\.0\\.1|localhost|\\[::1\\])(:[0-9]{1,5})?";
    private final Set<String> hosts;

    private LoopbackRunner(int port) {
        hosts = Set.of("127.0.0.1:" + port, "localhost:" + port, "[::1]:" + port);
    }

    @Override
    public Request customize(Request request, HttpFields.Mutable answer) {
        String host = request.getHeaders().get(HttpHeader.HOST);
        if (host == null || !hosts.contains(host.toLowerCase(Locale.ROOT))) {
            throw new HttpException.RuntimeException(421, "This server answers for " + hosts + " only.");
        }
        for (String origin : request.getHeaders().getValuesList(HttpHeader.ORIGIN)) {
            if (!origin.toLowerCase(Locale.ROOT).matches(LOCAL_ORIGIN)) {
                throw new HttpException.RuntimeException(403, "A page from elsewhere may not call this server.");
            }
        }
        return request;
    }

    public static void main(String[] arguments) throws Exception {
        KnownSchemas.use();
        DynamoDBProxyServer dynamodb = ServerRunner.createServerFromCommandLineArgs(arguments);
        Field field = DynamoDBProxyServer.class.getDeclaredField("server");
        field.setAccessible(true);
        for (Connector connector : ((Server) field.get(dynamodb)).getConnectors()) {
            ServerConnector here = (ServerConnector) connector;
            here.setHost("127.0.0.1");
            here.getConnectionFactory(HttpConnectionFactory.class)
                .getHttpConfiguration()
                .addCustomizer(new LoopbackRunner(here.getPort()));
        }
        dynamodb.start();
        dynamodb.join();
    }
}
