// SPDX-License-Identifier: Apache-2.0

import com.azure.core.exception.ResourceNotFoundException;
import com.azure.identity.DefaultAzureCredentialBuilder;
import com.azure.security.keyvault.certificates.CertificateClient;
import com.azure.security.keyvault.certificates.CertificateClientBuilder;
import com.azure.security.keyvault.certificates.models.CertificateContentType;
import com.azure.security.keyvault.certificates.models.CertificateKeyCurveName;
import com.azure.security.keyvault.certificates.models.CertificateKeyType;
import com.azure.security.keyvault.certificates.models.CertificatePolicy;
import com.azure.security.keyvault.certificates.models.ImportCertificateOptions;
import com.azure.security.keyvault.certificates.models.KeyVaultCertificateWithPolicy;
import com.azure.security.keyvault.secrets.SecretClient;
import com.azure.security.keyvault.secrets.SecretClientBuilder;
import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.Arrays;
import java.util.Base64;

/**
 * Certificates of a vault through the Azure SDK for Java, unmodified and with nothing but the environment variables that genbu
 * connect azure prints.
 */
public class Certificates {
  public static void main(String[] args) throws Exception {
    var credential = new DefaultAzureCredentialBuilder().build();
    CertificateClient vault = new CertificateClientBuilder().vaultUrl(System.getenv("AZURE_KEYVAULT_URL")).credential(credential).buildClient();
    SecretClient secrets = new SecretClientBuilder().vaultUrl(System.getenv("AZURE_KEYVAULT_URL")).credential(credential).buildClient();

    CertificatePolicy policy = new CertificatePolicy("Genbu", "CN=www.example").setKeyType(CertificateKeyType.EC).setKeyCurveName(CertificateKeyCurveName.P_256)
        .setContentType(CertificateContentType.PKCS12).setExportable(true).setValidityInMonths(6);
    var poller = vault.beginCreateCertificate("java-server", policy);
    poller.setPollInterval(Duration.ofMillis(100));
    poller.waitForCompletion();
    KeyVaultCertificateWithPolicy made = vault.getCertificate("java-server");
    X509Certificate leaf = read(made.getCer());
    leaf.verify(read(vault.getCertificate("Genbu-CA").getCer()).getPublicKey());

    // Java's own key store opens the file that the secret is.
    byte[] file = Base64.getDecoder().decode(secrets.getSecret("java-server").getValue());
    KeyStore store = KeyStore.getInstance("PKCS12");
    store.load(new ByteArrayInputStream(file), new char[0]);
    String alias = store.aliases().nextElement();
    check(store.isKeyEntry(alias) && store.getCertificate(alias).equals(leaf), "the key store has another certificate");

    var again = vault.importCertificate(new ImportCertificateOptions("java-again", file));
    check(Arrays.equals(again.getCer(), made.getCer()), "another certificate came back");

    byte[] backup = vault.backupCertificate("java-server");
    vault.beginDeleteCertificate("java-server").waitForCompletion();
    try {
      vault.getCertificate("java-server");
      check(false, "a deleted certificate is there");
    } catch (ResourceNotFoundException e) {
      check(e.getResponse().getStatusCode() == 404, "another status");
    }
    vault.beginRecoverDeletedCertificate("java-server").waitForCompletion();
    vault.beginDeleteCertificate("java-server").waitForCompletion();
    vault.purgeDeletedCertificate("java-server");
    check(vault.restoreCertificateBackup(backup).getName().equals("java-server"), "another name was restored");
    int n = 0;
    for (var c : vault.listPropertiesOfCertificates()) n += c.getName().startsWith("java-") ? 1 : 0;
    check(n == 2, n + " certificates were listed");
    System.out.println("scenario: certificates");
  }

  static X509Certificate read(byte[] der) throws Exception {
    try (InputStream in = new ByteArrayInputStream(der)) {
      return (X509Certificate) CertificateFactory.getInstance("X.509").generateCertificate(in);
    }
  }

  static void check(boolean ok, String what) {
    if (!ok) throw new AssertionError(what);
  }
}
