import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.nio.file.Files;
import java.util.List;
import no.systembruker.Maskinporten;
import no.systembruker.SystemUserFilter;
import no.systembruker.Systembruker;
import no.systembruker.rest.model.TokenDecision;
import org.apache.catalina.startup.Tomcat;
import org.apache.tomcat.util.descriptor.web.FilterDef;
import org.apache.tomcat.util.descriptor.web.FilterMap;

/** A service owner's API: only a system user that may write the a-melding gets through. */
public final class ServiceOwner {
    public static void main(String[] arguments) throws Exception {
        var tokens = new Maskinporten(
                System.getenv("MASKINPORTEN_URL"),
                System.getenv("MASKINPORTEN_CLIENT_ID"),
                System.getenv("MASKINPORTEN_JWK"),
                List.of("altinn:authorization/authorize"));
        var client = Systembruker.connect(System.getenv("SYSTEMBRUKER_URL"), tokens);
        var guard = new SystemUserFilter(client, "a-melding", "write").scopes("altinn:systembruker.demo");

        var tomcat = new Tomcat();
        tomcat.setBaseDir(Files.createTempDirectory("service-owner").toString());
        tomcat.setPort(Integer.parseInt(System.getenv("API_PORT")));
        tomcat.getConnector().setProperty("address", "127.0.0.1");
        var context = tomcat.addContext("", null);
        var definition = new FilterDef();
        definition.setFilterName("guard");
        definition.setFilter(guard);
        context.addFilterDef(definition);
        var map = new FilterMap();
        map.setFilterName("guard");
        map.addURLPattern("/*");
        context.addFilterMap(map);
        Tomcat.addServlet(context, "welcome", new Welcome());
        context.addServletMappingDecoded("/", "welcome");
        tomcat.start();
        tomcat.getServer().await();
    }

    private static final class Welcome extends HttpServlet {
        @Override
        protected void doGet(HttpServletRequest request, HttpServletResponse response) throws IOException {
            var user = ((TokenDecision) request.getAttribute(SystemUserFilter.ATTRIBUTE)).getSystemUser();
            response.getWriter().print("Welcome, " + user.getSystemId() + ", on behalf of " + user.getOwnerOrganizationNumber());
        }
    }
}
