import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.databind.DeserializationContext;
import com.fasterxml.jackson.databind.JsonDeserializer;
import com.fasterxml.jackson.databind.module.SimpleModule;
import java.io.IOException;
import java.lang.reflect.Field;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import software.amazon.dynamodb.services.local.shared.access.sqlite.SQLiteDBAccess;
import software.amazon.dynamodb.services.local.shared.access.sqlite.SQLiteDBAccessJob;
import software.amazon.dynamodb.services.local.shared.access.sqlite.TableSchemaInfo;
import software.amazon.dynamodb.services.local.shared.mapper.DynamoDbObjectMapper;

/**
 * The schemas of tables as DynamoDB Local keeps them, each read once. It keeps a table's keys and indexes as a text of
 * some kilobytes, and reads that anew several times for each item that is read or written: with tables such as the
 * shop's, this is most of what its one thread for SQLite does.
 *
 * A schema is known by its text, which holds no name: a table that is changed has another one. Whoever asks gets lists
 * of his own, because DynamoDB Local changes those of a table that gets a further index. What is in them it never
 * changes.
 */
final class KnownSchemas extends JsonDeserializer<TableSchemaInfo> {
    private final DynamoDbObjectMapper reader = new DynamoDbObjectMapper();
    private final Map<ByteBuffer, TableSchemaInfo> known = new ConcurrentHashMap<>();
    private final List<Field> fields = new ArrayList<>();

    private KnownSchemas() {
        for (Field field : TableSchemaInfo.class.getDeclaredFields()) {
            field.setAccessible(true);
            fields.add(field);
        }
    }

    /** Let DynamoDB Local, which has not started yet, read schemas so. */
    static void use() throws ReflectiveOperationException {
        KnownSchemas schemas = new KnownSchemas();
        for (Class<?> user : List.of(SQLiteDBAccess.class, SQLiteDBAccessJob.class)) {
            Field field = user.getDeclaredField("MAPPER");
            field.setAccessible(true);
            DynamoDbObjectMapper mapper = (DynamoDbObjectMapper) field.get(null);
            mapper.getFactory().enable(JsonParser.Feature.INCLUDE_SOURCE_IN_LOCATION);
            mapper.registerModule(new SimpleModule().addDeserializer(TableSchemaInfo.class, schemas));
        }
    }

    @Override
    public TableSchemaInfo deserialize(JsonParser parser, DeserializationContext context) throws IOException {
        // The whole text is the schema: nothing is read after it.
        byte[] text = (byte[]) parser.currentLocation().contentReference().getRawContent();
        ByteBuffer key = ByteBuffer.wrap(text);
        TableSchemaInfo schema = known.get(key);
        if (schema == null) {
            schema = reader.readValue(text, TableSchemaInfo.class);
            known.put(key, schema);
        }
        return copy(schema);
    }

    private TableSchemaInfo copy(TableSchemaInfo schema) throws IOException {
        TableSchemaInfo copy = new TableSchemaInfo();
        try {
            for (Field field : fields) {
                field.set(copy, withOwnLists(field.get(schema)));
            }
        } catch (IllegalAccessException error) {
            throw new IOException(error);
        }
        return copy;
    }

    private static Object withOwnLists(Object value) {
        if (value instanceof List<?> list) {
            List<Object> copy = new ArrayList<>(list.size());
            list.forEach(each -> copy.add(withOwnLists(each)));
            return copy;
        }
        if (value instanceof Map<?, ?> map) {
            Map<Object, Object> copy = new LinkedHashMap<>();
            map.forEach((name, each) -> copy.put(name, withOwnLists(each)));
            return copy;
        }
        return value;
    }
}
