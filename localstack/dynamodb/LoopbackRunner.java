import java.lang.reflect.Field;
import org.eclipse.jetty.server.Connector;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import software.amazon.dynamodb.services.local.main.ServerRunner;
import software.amazon.dynamodb.services.local.server.DynamoDBProxyServer;

/**
 * DynamoDB Local, reachable from this computer only. It has no option for that and listens on every address,
 * where anybody in the same network could read the shop's users without a password.
 *
 * The compiled class stands beside this file, because the Java runtime we install has no compiler:
 * javac --release 17 -cp "$LOCAL/DynamoDBLocal.jar:$LOCAL/DynamoDBLocal_lib/*" LoopbackRunner.java
 */
public class LoopbackRunner {
    public static void main(String[] arguments) throws Exception {
        DynamoDBProxyServer dynamodb = ServerRunner.createServerFromCommandLineArgs(arguments);
        Field field = DynamoDBProxyServer.class.getDeclaredField("server");
        field.setAccessible(true);
        for (Connector connector : ((Server) field.get(dynamodb)).getConnectors()) {
            ((ServerConnector) connector).setHost("127.0.0.1");
        }
        dynamodb.start();
        dynamodb.join();
    }
}
