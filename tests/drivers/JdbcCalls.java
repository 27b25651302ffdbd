// pgjdbc: numbers and arrays go with their type, strings as varchar, or without one by stringtype=unspecified.

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Types;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;
import org.postgresql.util.PGobject;
import org.postgresql.util.PSQLException;

public class JdbcCalls {
    static final String LISTS = "SELECT rank, item_id, score, source FROM affinity.recommend";
    static final String SCORE = "SELECT affinity.predict('buys', r) FROM (SELECT 3::float8 AS price, 2 AS pages) r";
    static final String LIKE = "SELECT rank, item_id, score FROM affinity.";

    interface Setter {
        void set(PreparedStatement statement) throws SQLException;
    }

    public static void main(String[] arguments) throws Exception {
        int port = relay(Path.of(System.getenv("PGHOST"), ".s.PGSQL." + System.getenv("PGPORT")));
        String url = "jdbc:postgresql://localhost:" + port + "/" + System.getenv("PGDATABASE") + "?user=" + System.getenv("PGUSER") + "&sslmode=disable&gssEncMode=disable";
        for (String strings : new String[] {"varchar", "unspecified"}) {
            try (Connection db = DriverManager.getConnection(url + "&stringtype=" + strings)) {
                calls(db, strings.equals("unspecified"));
            }
        }
    }

    static void calls(Connection db, boolean untyped) throws SQLException {
        String plain = LISTS + "('shop', 7, 5)";
        for (Object user : new Object[] {7, 7L, "7", new BigDecimal("7.0"), 7.0, (short) 7}) {
            same(db, plain, LISTS + "(?, ?, ?)", q -> {
                q.setString(1, "shop");
                q.setObject(2, user);
                q.setInt(3, 5);
            });
        }
        for (int type : new int[] {Types.BIGINT, Types.VARCHAR, Types.NUMERIC, Types.NULL}) {
            same(db, LISTS + "('shop', NULL, 5)", LISTS + "(?, ?, ?)", q -> {
                q.setString(1, "shop");
                q.setNull(2, type);
                q.setInt(3, 5);
            });
        }
        String chosen = LISTS + "('shop', 7, 5, exclude_seen => false, among => '{1,2,3,4,5,6}', exclude => '{2,4,6}')";
        String call = LISTS + "(?, ?, ?, exclude_seen => ?, among => ?, exclude => ?)";
        Long[] among = {1L, 2L, 3L, 4L, 5L, 6L};
        Integer[] exclude = {2, 4, 6};
        same(db, chosen, call, q -> {
            user(q);
            q.setArray(5, db.createArrayOf("bigint", among));
            q.setArray(6, db.createArrayOf("integer", exclude));
        });
        same(db, chosen, call, q -> {
            user(q);
            q.setString(5, "{1,2,3,4,5,6}");
            q.setString(6, "{2,4,6}");
        });
        if (untyped) {
            same(db, chosen, call, q -> {
                user(q);
                q.setArray(5, db.createArrayOf("bigint", among));
                q.setString(6, "{2,4,6}");
            });
        }
        same(db, plain, LISTS + "(?, ?, ?, among => ?, exclude => ?)", q -> {
            q.setString(1, "shop");
            q.setLong(2, 7);
            q.setLong(3, 5);
            q.setNull(4, Types.NULL);
            q.setArray(5, db.createArrayOf("bigint", new Long[0]));
        });
        PGobject options = new PGobject();
        options.setType("jsonb");
        options.setValue("{\"diversity\": 0.3}");
        same(db, LISTS + "('shop', 7, 5, options => '{\"diversity\": 0.3}')", LISTS + "(?, ?, ?, options => ?)", q -> {
            q.setString(1, "shop");
            q.setLong(2, 7);
            q.setLong(3, 5);
            q.setObject(4, options);
        });

        for (Object item : new Object[] {5, 5L, "5", new BigDecimal("5.0")}) {
            same(db, LIKE + "similar_items('shop', 5, 3)", LIKE + "similar_items(?, ?, ?)", q -> {
                q.setString(1, "shop");
                q.setObject(2, item);
                q.setInt(3, 3);
            });
        }

        for (String type : new String[] {"float8", "float4", "numeric", "integer"}) {
            same(db, SCORE, "SELECT affinity.predict(?, ?)", q -> {
                q.setString(1, "buys");
                q.setArray(2, db.createArrayOf(type, new Object[] {3, 2}));
            });
        }
        same(db, SCORE, "SELECT affinity.predict(?, ?)", q -> {
            q.setString(1, "buys");
            q.setObject(2, new double[] {3, 2});
        });
        same(db, SCORE, "SELECT affinity.predict(?, ?)", q -> {
            q.setString(1, "buys");
            q.setString(2, "{3,2}");
        });
        same(db, SCORE, "SELECT affinity.predict(?, r) FROM (SELECT ? AS price, ? AS pages) r", q -> {
            q.setString(1, "buys");
            q.setDouble(2, 3);
            q.setInt(3, 2);
        });
        same(db, "SELECT NULL::float8", "SELECT affinity.predict(?, ?)", q -> {
            q.setString(1, "buys");
            q.setNull(2, Types.NULL);
        });

        refused(db, "42704", "SELECT * FROM affinity.recommend(?, ?)", q -> {
            q.setString(1, "no such model");
            q.setLong(2, 7);
        });
        refused(db, "22023", "SELECT * FROM affinity.recommend(?, ?, ?)", q -> {
            q.setString(1, "shop");
            q.setLong(2, 7);
            q.setLong(3, -1);
        });
        refused(db, "2202E", "SELECT affinity.predict(?, ?)", q -> {
            q.setString(1, "buys");
            q.setObject(2, new double[] {1, 2, 3});
        });
        refused(db, "42804", "SELECT affinity.predict(?, ?)", q -> {
            q.setString(1, "buys");
            q.setString(2, "three, two");
        });
    }

    static void user(PreparedStatement q) throws SQLException {
        q.setString(1, "shop");
        q.setLong(2, 7);
        q.setLong(3, 5);
        q.setBoolean(4, false);
    }

    /** The call with parameters gives what the call with literals gives, which gives something; ten times, of which five are prepared on the server. */
    static void same(Connection db, String literal, String sql, Setter setter) throws SQLException {
        List<List<Object>> wanted;
        try (PreparedStatement q = db.prepareStatement(literal)) {
            wanted = rows(q);
        }
        if (wanted.isEmpty()) throw new AssertionError(literal + " gives nothing");
        try (PreparedStatement q = db.prepareStatement(sql)) {
            for (int i = 0; i < 10; i++) {
                setter.set(q);
                List<List<Object>> found = rows(q);
                if (!found.equals(wanted)) throw new AssertionError(q + ": " + found + ", wanted " + wanted);
            }
        }
    }

    static void refused(Connection db, String state, String sql, Setter setter) throws SQLException {
        try (PreparedStatement q = db.prepareStatement(sql)) {
            setter.set(q);
            rows(q);
        } catch (PSQLException e) {
            if (e.getSQLState().equals(state) && e.getServerErrorMessage().getHint() != null) return;
            throw e;
        }
        throw new AssertionError(sql + " is not refused");
    }

    static List<List<Object>> rows(PreparedStatement q) throws SQLException {
        List<List<Object>> rows = new ArrayList<>();
        try (ResultSet r = q.executeQuery()) {
            while (r.next()) {
                List<Object> row = new ArrayList<>();
                for (int i = 1; i <= r.getMetaData().getColumnCount(); i++) row.add(r.getObject(i));
                rows.add(row);
            }
        }
        return rows;
    }

    /** A port of this machine that leads to the server's socket: the tests' server listens on no port, and the driver knows nothing else. */
    static int relay(Path socket) throws IOException {
        ServerSocket server = new ServerSocket(0, 5, InetAddress.getLoopbackAddress());
        daemon(() -> {
            while (true) {
                Socket client = server.accept();
                client.setTcpNoDelay(true);
                SocketChannel postgres = SocketChannel.open(StandardProtocolFamily.UNIX);
                postgres.connect(UnixDomainSocketAddress.of(socket));
                // By the channels themselves: their streams let no reader and writer in at once.
                daemon(() -> {
                    byte[] bytes = new byte[8192];
                    for (int n; (n = client.getInputStream().read(bytes)) > 0; ) {
                        for (ByteBuffer b = ByteBuffer.wrap(bytes, 0, n); b.hasRemaining(); ) postgres.write(b);
                    }
                    postgres.close();
                });
                daemon(() -> {
                    byte[] bytes = new byte[8192];
                    for (int n; (n = postgres.read(ByteBuffer.wrap(bytes))) > 0; ) client.getOutputStream().write(bytes, 0, n);
                    client.close();
                });
            }
        });
        return server.getLocalPort();
    }

    interface Work {
        void run() throws IOException;
    }

    static void daemon(Work work) {
        Thread thread = new Thread(() -> {
            try {
                work.run();
            } catch (IOException e) {
                // The other end has hung up.
            }
        });
        thread.setDaemon(true);
        thread.start();
    }
}
